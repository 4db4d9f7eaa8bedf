//! Opening: what is refused stays as it was.
