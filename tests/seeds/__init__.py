"""The systems that this project descends from: what their READMEs say, line by line, works here."""
