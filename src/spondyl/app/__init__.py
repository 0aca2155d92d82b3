"""The faces: what people and programs outside call. Nothing clinical is added here."""
