# The image of planoai: one binary, no shell, no package manager, not root, nothing that must be written to.
#
#   docker build -t planoai .
#   docker run --read-only -p 4317:4317 -p 4318:4318 -p 13133:13133 planoai
#
# tests/dockerfile/check holds what is promised here, with an engine or without one.

# The toolchain is this image's own: rust-toolchain.toml stays out of the context (and names the same version).
FROM rust:1.95.0-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin planoai

# glibc, certificates and nothing else.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="planoai" \
      org.opencontainers.image.description="A trace pipeline that flags the conversations that went wrong" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /src/target/release/planoai /usr/local/bin/planoai
COPY --from=build /src/LICENSE /usr/share/doc/planoai/LICENSE
COPY pipelines/enrichment.yaml /etc/planoai/config.yaml
# Receivers and the health check answer other containers; a host that the config writes stays as it is.
ENV PLANO_DEFAULT_HOST=0.0.0.0
USER 65532:65532
# OTLP over gRPC and over HTTP, health, own metrics.
EXPOSE 4317 4318 13133 8888
# Asks where the config says: one that is mounted in its place may move the health check, or have none. Who starts the image
# with another --config gives the health check the same one.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["/usr/local/bin/planoai", "collector", "health", "--config", "/etc/planoai/config.yaml"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/planoai"]
CMD ["collector", "--config", "/etc/planoai/config.yaml"]
