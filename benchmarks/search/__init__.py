"""The parts of search_ladder.py, which searches ladders by what networks see."""
