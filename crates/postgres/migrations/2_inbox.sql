-- Which events a group has handled: written in the transaction of the effect.
CREATE TABLE {schema}.inbox (
    consumer text NOT NULL,
    -- SHA-256 of tenant, source and id, a line each: together they may be longer than an index takes.
    event bytea NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, event)
);

CREATE INDEX inbox_age ON {schema}.inbox (handled_at);
