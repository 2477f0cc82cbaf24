"""What a measurement is, as it is stored and printed: data only. Imported by all of bench and the guide."""
