"""Program -> Schedule: what shares a loop, which dimension lies in lanes, where arrays live."""
