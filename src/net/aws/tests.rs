//! Where credentials come from, and that requests are signed as AWS says.
