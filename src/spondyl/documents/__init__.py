"""Documents: the report, its figures, and the JSON records of a case folder."""
