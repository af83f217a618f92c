"""Tables of named values, one row per image: CSV, JSON lines and Parquet files, and the types of their columns."""
