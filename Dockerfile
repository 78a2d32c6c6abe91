# The program with its browser and server parts, in a slim image. The ledger lives in /data.
#
#   docker build -t tallystick .
#   docker run --rm -v tally:/data tallystick init
#   docker run --init -d -v tally:/data tallystick run
#
# docs/OPERATIONS.md says how to serve the explorer, to back up, and where keys belong.
# Any image with Python 3.11 or later and pip serves as BASE: --build-arg BASE=...

ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY cli cli
COPY fixtures fixtures
COPY ledger ledger
COPY projections projections
COPY tallystick tallystick
RUN pip wheel --no-cache-dir --wheel-dir /wheels '.[columns,postgres,serve]'

FROM ${BASE}
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels 'tallystick[columns,postgres,serve]' \
    && useradd --uid 10001 --no-create-home --home-dir /data tally \
    && install -d -o tally -g tally -m 0700 /data
USER 10001
WORKDIR /data
VOLUME /data
ENV TALLY_LEDGER=/data/tally.db
ENTRYPOINT ["tally"]
CMD ["--help"]
