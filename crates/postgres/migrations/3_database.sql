-- What the database worker has applied: one row for each event, which is the effect and the note of it in one.
CREATE TABLE {schema}.workflow_updates (
    -- SHA-256 of tenant, source and id, a line each: together they may be longer than an index takes.
    event bytea PRIMARY KEY,
    tenant text NOT NULL,
    source text NOT NULL,
    id text NOT NULL,
    -- The root run, and the path of the entity inside it.
    workflow text NOT NULL,
    subject text NOT NULL,
    type text NOT NULL,
    -- What the event is about: workflow, task, step, generation, …; and which one.
    kind text NOT NULL,
    part text NOT NULL,
    -- completed, failed or cancelled where the event ends it.
    outcome text,
    data jsonb,
    occurred_at timestamptz,
    -- Where the event stands in the log. It orders the updates of a workflow.
    position bigint NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX workflow_updates_order ON {schema}.workflow_updates (tenant, workflow, position);

-- The state of each run.
CREATE TABLE {schema}.workflows (
    tenant text NOT NULL,
    workflow text NOT NULL,
    -- created, running, suspended, completed, failed, cancelled
    state text NOT NULL,
    name text,
    input jsonb,
    requested_by text,
    output jsonb,
    error jsonb,
    reason text,
    created_at timestamptz,
    started_at timestamptz,
    ended_at timestamptz,
    duration_ms bigint,
    -- How many updates it has had, and the last one's place and time.
    updates bigint NOT NULL,
    position bigint NOT NULL,
    updated_at timestamptz,
    -- The place of the event that the state is from.
    state_position bigint NOT NULL,
    PRIMARY KEY (tenant, workflow)
);

CREATE INDEX workflows_state ON {schema}.workflows (state, updated_at);

-- The state of what a run is made of.
CREATE TABLE {schema}.parts (
    tenant text NOT NULL,
    workflow text NOT NULL,
    kind text NOT NULL,
    part text NOT NULL,
    subject text NOT NULL,
    -- open, running, completed, failed, cancelled
    state text NOT NULL,
    name text,
    input jsonb,
    output jsonb,
    error jsonb,
    opened_at timestamptz,
    ended_at timestamptz,
    duration_ms bigint,
    position bigint NOT NULL
);

-- What producers call their parts may be longer than an index takes.
CREATE UNIQUE INDEX parts_key ON {schema}.parts (tenant, workflow, kind, md5(part));

CREATE VIEW {schema}.tasks AS
SELECT tenant, workflow, part AS task, subject, state, name, input, output, error, opened_at, ended_at, duration_ms, position
FROM {schema}.parts WHERE kind = 'task';

CREATE VIEW {schema}.results AS
SELECT tenant, workflow, kind, part, subject, outcome, data->'output' AS output, data->'error' AS error,
    occurred_at, position, source, id
FROM {schema}.workflow_updates WHERE outcome IS NOT NULL;
