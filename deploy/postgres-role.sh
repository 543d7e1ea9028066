#!/bin/bash
# Run by the image of PostgreSQL when its volume is empty. The service gets a role that owns its database and is no superuser, since
# row security does not bind superusers. The superuser keeps no password: it can be used inside the container alone.
set -euo pipefail
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set password="$POSTGRES_PASSWORD" <<'SQL'
CREATE ROLE protomesh LOGIN PASSWORD :'password';
ALTER DATABASE protomesh OWNER TO protomesh;
ALTER ROLE postgres PASSWORD NULL;
SQL
