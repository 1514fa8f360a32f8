"""Edge lists larger than memory: chunks of lines, one numbering, ranges of rows."""
