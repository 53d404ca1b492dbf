//! From YAML to parts: sources, expansion, merging, checks with paths, assembly.
