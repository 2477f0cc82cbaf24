"""From graded decisions to a calibration and its worth; used by the measures that ask them."""
