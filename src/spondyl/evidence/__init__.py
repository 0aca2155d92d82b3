"""Evidence: published statements, parameters and sources, kept with their hashes. The only reader of YAML."""

from spondyl.evidence.copies import check_copies, copied_names
from spondyl.evidence.registry import entry_ids, find_entry, find_parameter, find_source, parameter_names, source_keys
from spondyl.evidence.types import EvidenceEntry, EvidenceValue, Figure, Parameter, Source

__all__ = [
    "EvidenceEntry",
    "EvidenceValue",
    "Figure",
    "Parameter",
    "Source",
    "check_copies",
    "copied_names",
    "entry_ids",
    "find_entry",
    "find_parameter",
    "find_source",
    "parameter_names",
    "source_keys",
]
