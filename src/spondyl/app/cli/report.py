"""`spondyl report`: the report of a case folder."""

from __future__ import annotations

from spondyl.app.cli.options import AsJson, CaseArgument, Force, Levels


def report(case: CaseArgument, level: Levels = None, force: Force = None, as_json: AsJson = False) -> None:
    """Write report.html and report.pdf of a case folder, from its records and its CT."""
    from spondyl.app.cli.output import print_job, progress
    from spondyl.app.job import Job

    with progress() as tell:
        job = Job(case, None, force=force or (), levels=level or (), tell=tell)
        job.run()
    print_job(job.document(), as_json)
