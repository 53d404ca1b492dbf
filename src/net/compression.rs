//! Compression of bodies, bounded while it streams: gzip (several members), zstd, deflate/zlib in; gzip and zstd out.
