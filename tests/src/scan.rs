//! A second, simple reader of a whole segment: where each structure stands. It is for segments that
//! are not damaged, and shares only the decoding of single structures with the log.
