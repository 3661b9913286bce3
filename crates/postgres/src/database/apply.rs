//! The statement that applies one event.

/// One statement, hence one transaction, on one round trip. `put` is the note; without it nothing else happens. Whoever
/// applies the same event at the same moment waits for the other's note and then finds it.
///
/// Of a workflow the state is that of the event furthest on in the log, whatever order they come in; what only one event
/// tells (name, input, times) is filled in where it is missing.
pub(super) const APPLY: &str = "
WITH new AS (
    SELECT $1::text AS tenant, $2::text AS source, $3::text AS id, $4::text AS workflow, $5::text AS subject,
        $6::text AS type, $7::text AS kind, $8::text AS part, $9::boolean AS root, $10::text AS state,
        $11::text AS outcome, $12::jsonb AS data, $13::timestamptz AS at, $14::bigint AS position
),
put AS (
    INSERT INTO {schema}.workflow_updates
        (event, tenant, source, id, workflow, subject, type, kind, part, outcome, data, occurred_at, position)
    SELECT sha256(convert_to(concat_ws(E'\\n', tenant, source, id), 'UTF8')),
        tenant, source, id, workflow, subject, type, kind, part, outcome, data, at, position FROM new
    ON CONFLICT DO NOTHING
    RETURNING true
),
did AS (
    SELECT new.*,
        CASE WHEN jsonb_typeof(data->'duration_ms') = 'number' THEN (data->>'duration_ms')::numeric END AS took
    FROM new, put
),
of_run AS (
    INSERT INTO {schema}.workflows AS w
        (tenant, workflow, state, name, input, requested_by, output, error, reason, created_at, started_at, ended_at,
         duration_ms, updates, position, updated_at, state_position)
    SELECT tenant, workflow, CASE WHEN root THEN coalesce(state, 'running') ELSE 'running' END,
        CASE WHEN root THEN data->>'name' END, CASE WHEN root THEN data->'input' END,
        CASE WHEN root THEN data->>'requested_by' END, CASE WHEN root THEN data->'output' END,
        CASE WHEN root THEN data->'error' END, CASE WHEN root THEN data->>'reason' END,
        CASE WHEN root AND state = 'created' THEN at END,
        CASE WHEN root AND state = 'running' THEN at END, CASE WHEN root AND outcome IS NOT NULL THEN at END,
        CASE WHEN root AND outcome IS NOT NULL THEN took END,
        1, position, at, CASE WHEN root AND state IS NOT NULL THEN position ELSE 0 END
    FROM did
    ON CONFLICT (tenant, workflow) DO UPDATE SET
        state = CASE WHEN excluded.state_position > w.state_position THEN excluded.state ELSE w.state END,
        output = CASE WHEN excluded.state_position > w.state_position THEN excluded.output ELSE w.output END,
        error = CASE WHEN excluded.state_position > w.state_position THEN excluded.error ELSE w.error END,
        reason = CASE WHEN excluded.state_position > w.state_position THEN excluded.reason ELSE w.reason END,
        ended_at = CASE WHEN excluded.state_position > w.state_position THEN excluded.ended_at ELSE w.ended_at END,
        duration_ms =
            CASE WHEN excluded.state_position > w.state_position THEN excluded.duration_ms ELSE w.duration_ms END,
        state_position = greatest(excluded.state_position, w.state_position),
        name = coalesce(w.name, excluded.name),
        input = coalesce(w.input, excluded.input),
        requested_by = coalesce(w.requested_by, excluded.requested_by),
        created_at = coalesce(w.created_at, excluded.created_at),
        started_at = least(w.started_at, excluded.started_at),
        updates = w.updates + 1,
        updated_at = CASE WHEN excluded.position > w.position THEN excluded.updated_at ELSE w.updated_at END,
        position = greatest(excluded.position, w.position)
),
of_part AS (
    INSERT INTO {schema}.parts AS p
        (tenant, workflow, kind, part, subject, state, name, input, output, error, opened_at, ended_at, duration_ms,
         position)
    SELECT tenant, workflow, kind, part, subject, state, data->>'name', data->'input', data->'output',
        data->'error', CASE WHEN outcome IS NULL THEN at END, CASE WHEN outcome IS NOT NULL THEN at END,
        CASE WHEN outcome IS NOT NULL THEN took END, position
    FROM did WHERE NOT root AND state IS NOT NULL
    ON CONFLICT (tenant, workflow, kind, md5(part)) DO UPDATE SET
        state = CASE WHEN excluded.position > p.position THEN excluded.state ELSE p.state END,
        output = CASE WHEN excluded.position > p.position THEN excluded.output ELSE p.output END,
        error = CASE WHEN excluded.position > p.position THEN excluded.error ELSE p.error END,
        ended_at = CASE WHEN excluded.position > p.position THEN excluded.ended_at ELSE p.ended_at END,
        duration_ms = CASE WHEN excluded.position > p.position THEN excluded.duration_ms ELSE p.duration_ms END,
        name = coalesce(p.name, excluded.name),
        input = coalesce(p.input, excluded.input),
        opened_at = least(p.opened_at, excluded.opened_at),
        position = greatest(excluded.position, p.position)
)
SELECT count(*) FROM put";
