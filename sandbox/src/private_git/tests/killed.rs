//! The agent dies at any point; the next one finds what was done.
