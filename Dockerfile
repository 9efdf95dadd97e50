# One image for the six processes, the mail catcher and the backups: a container's command is only its service's name.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

# Nobody's own number, so that files of the host never belong to the process by chance. A volume that
# is mounted at /data takes over its owner.
RUN groupadd --gid 10001 suite \
    && useradd --uid 10001 --gid suite --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin suite \
    && install --directory --owner=suite --group=suite --mode=0700 /data

# pg_dump for the backups, of the version of the servers in docker-compose.yml and ops/kubernetes/: Debian's own is
# older and refuses them. Debian's postgresql-common has PostgreSQL's key and script for this.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates postgresql-common \
    && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
    && apt-get install --yes --no-install-recommends postgresql-client-16 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app

# A layer of their own: a change of the code does not install the packages again.
COPY requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore --requirement requirements.txt

COPY config.yml ./
COPY common ./common
COPY gateway ./gateway
COPY services ./services
COPY ops ./ops
# The code stays root's and is compiled here, for the process may not write beside it.
RUN python -m compileall -q common gateway services ops

USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "ops.serve"]
