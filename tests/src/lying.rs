//! Storage that lies: planted bugs that the checker must find.
