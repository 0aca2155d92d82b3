"""The questions of a check-in in plain words, and what to say on the phone when the answer is yes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class SymptomQuestion:
    """One question, as a person of 78 would be asked."""

    name: str  # field of CheckIn
    text: str
    say: str  # on the phone, after "I"


_ALL = (
    SymptomQuestion("chest_pain", "Do you have pain in your chest?", "have pain in my chest"),
    SymptomQuestion("dyspnoea", "Are you short of breath?", "am short of breath"),
    SymptomQuestion("syncope", "Have you fainted?", "have fainted"),
    SymptomQuestion("haemoptysis", "Have you coughed up blood?", "have coughed up blood"),
    SymptomQuestion(
        "bladder_or_bowel_dysfunction",
        "Is it new that you cannot pass water, or cannot hold water or stool?",
        "have new trouble with my bladder or bowel",
    ),
    SymptomQuestion(
        "saddle_anaesthesia",
        "Is it numb between your legs, where you would sit on a saddle?",
        "am numb between my legs",
    ),
    SymptomQuestion("bilateral_leg_weakness", "Are both legs weak?", "have weakness in both legs"),
    SymptomQuestion(
        "new_leg_weakness_or_numbness",
        "Is a leg newly weak or numb?",
        "have new weakness or numbness in a leg",
    ),
    SymptomQuestion(
        "new_unilateral_radicular_pain",
        "Is there a new pain that shoots down one leg or around one side of the chest?",
        "have a new pain that shoots down one side",
    ),
    SymptomQuestion("fever", "Do you have a fever, or feel as if you had one?", "have a fever"),
    SymptomQuestion("rigors", "Have you had shivers that you could not stop?", "have had shaking chills"),
    SymptomQuestion(
        "wound_redness_swelling_discharge",
        "Is the place of the needle red, swollen, or wet?",
        "have redness, swelling or fluid where the needle went in",
    ),
    SymptomQuestion(
        "expanding_haematoma",
        "Is there a bruise or lump at the needle's place that grows?",
        "have a growing bruise or lump where the needle went in",
    ),
    SymptomQuestion("pain_worse_than_before", "Is the pain worse than before?", "have worse pain than before"),
    SymptomQuestion(
        "new_focal_spine_pain", "Is there a new pain at another place of your back?", "have a new pain in my back"
    ),
    SymptomQuestion("fall_since_procedure", "Have you fallen?", "have fallen"),
    SymptomQuestion("calf_swelling", "Is one calf swollen or sore?", "have a swollen or sore calf"),
)
SYMPTOM_QUESTIONS: Mapping[str, SymptomQuestion] = MappingProxyType({one.name: one for one in _ALL})
FACT_QUESTIONS: Mapping[str, str] = MappingProxyType(
    {
        "temperature_c": "What is your temperature? Please measure it now.",
        "known_cancer": "Have you ever had cancer?",
        "days_after": "How many days ago was the procedure?",
        "pain_nrs": "How bad is your back pain now, from 0 to 10?",
        "other": "Is there anything else that worries you?",
    }
)


def question_text(name: str) -> str:
    """The question behind a field of a check-in."""
    return SYMPTOM_QUESTIONS[name].text if name in SYMPTOM_QUESTIONS else FACT_QUESTIONS[name]
