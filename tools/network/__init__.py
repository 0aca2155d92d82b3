"""Training of the network front end: shapes, painted CTs, the model and its training. Only this folder needs torch."""
