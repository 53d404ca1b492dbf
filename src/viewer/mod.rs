//! The local trace viewer: store, query, tree.
