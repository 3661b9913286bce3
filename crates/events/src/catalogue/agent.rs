//! Agents: the stages of a pipeline, and what agents ask each other.

use serde_json::Value;

use super::{Count, Failure, macros::family};

family! {
    /// The generation stage began.
    GenerationStarted = "generation.started", v 1, Durable, Opens(Generation)
    { Dotted: "generation.started"; Constant: "GENERATION_STARTED"; Snake: "generation_started"; Model: "GenerationStarted"; }
    must {}
    may {
        /// Who does it.
        agent: String,
        /// What it is given.
        input: Value,
    }

    /// The generation stage ended well.
    GenerationCompleted = "generation.completed", v 1, Durable, Completes(Generation)
    { Dotted: "generation.completed"; Constant: "GENERATION_COMPLETED"; Snake: "generation_completed"; Model: "GenerationCompleted"; }
    must {}
    may {
        /// Who did it.
        agent: String,
        /// What came of it.
        output: Value,
        /// How long it took.
        duration_ms: Count,
    }

    /// The generation stage failed.
    GenerationFailed = "generation.failed", v 1, Durable, Fails(Generation)
    { Dotted: "generation.failed"; Constant: "GENERATION_FAILED"; Snake: "generation_failed"; Model: "GenerationFailed"; }
    must {}
    may {
        /// Who did it.
        agent: String,
        /// Why.
        error: Failure,
        /// How long it took.
        duration_ms: Count,
    }

    /// The audit stage began.
    AuditStarted = "audit.started", v 1, Durable, Opens(Audit)
    { Dotted: "audit.started"; Constant: "AUDIT_STARTED"; Snake: "audit_started"; Model: "AuditStarted"; }
    must {}
    may {
        /// Who does it.
        agent: String,
        /// What it is given.
        input: Value,
    }

    /// The audit stage ended well.
    AuditCompleted = "audit.completed", v 1, Durable, Completes(Audit)
    { Dotted: "audit.completed"; Constant: "AUDIT_COMPLETED"; Snake: "audit_completed"; Model: "AuditCompleted"; }
    must {}
    may {
        /// Who did it.
        agent: String,
        /// What came of it.
        output: Value,
        /// How long it took.
        duration_ms: Count,
    }

    /// The audit stage failed.
    AuditFailed = "audit.failed", v 1, Durable, Fails(Audit)
    { Dotted: "audit.failed"; Constant: "AUDIT_FAILED"; Snake: "audit_failed"; Model: "AuditFailed"; }
    must {}
    may {
        /// Who did it.
        agent: String,
        /// Why.
        error: Failure,
        /// How long it took.
        duration_ms: Count,
    }

    /// The testing stage began.
    TestingStarted = "testing.started", v 1, Durable, Opens(Testing)
    { Dotted: "testing.started"; Constant: "TESTING_STARTED"; Snake: "testing_started"; Model: "TestingStarted"; }
    must {}
    may {
        /// Who does it.
        agent: String,
        /// What it is given.
        input: Value,
    }

    /// The testing stage ended well.
    TestingCompleted = "testing.completed", v 1, Durable, Completes(Testing)
    { Dotted: "testing.completed"; Constant: "TESTING_COMPLETED"; Snake: "testing_completed"; Model: "TestingCompleted"; }
    must {}
    may {
        /// Who did it.
        agent: String,
        /// What came of it.
        output: Value,
        /// How long it took.
        duration_ms: Count,
    }

    /// The testing stage failed.
    TestingFailed = "testing.failed", v 1, Durable, Fails(Testing)
    { Dotted: "testing.failed"; Constant: "TESTING_FAILED"; Snake: "testing_failed"; Model: "TestingFailed"; }
    must {}
    may {
        /// Who did it.
        agent: String,
        /// Why.
        error: Failure,
        /// How long it took.
        duration_ms: Count,
    }

    /// The deployment began.
    DeploymentStarted = "deployment.started", v 1, Durable, Opens(Deployment)
    { Dotted: "deployment.started"; Constant: "DEPLOYMENT_STARTED"; Snake: "deployment_started"; Model: "DeploymentStarted"; }
    must {}
    may {
        /// Who does it.
        agent: String,
        /// What is deployed.
        input: Value,
        /// Where to.
        target: String,
    }

    /// The deployment is in place.
    DeploymentConfirmed = "deployment.confirmed", v 1, Durable, Completes(Deployment)
    { Dotted: "deployment.confirmed"; Constant: "DEPLOYMENT_CONFIRMED"; Snake: "deployment_confirmed"; Model: "DeploymentConfirmed"; }
    must {}
    may {
        /// Who did it.
        agent: String,
        /// Where it stands.
        target: String,
        /// What came of it.
        output: Value,
        /// How long it took.
        duration_ms: Count,
    }

    /// The deployment failed.
    DeploymentFailed = "deployment.failed", v 1, Durable, Fails(Deployment)
    { Dotted: "deployment.failed"; Constant: "DEPLOYMENT_FAILED"; Snake: "deployment_failed"; Model: "DeploymentFailed"; }
    must {}
    may {
        /// Who did it.
        agent: String,
        /// Why.
        error: Failure,
        /// How long it took.
        duration_ms: Count,
    }

    /// An agent asks another.
    A2aRequest = "a2a.request", v 1, Durable, Opens(A2a)
    { Dotted: "a2a.request"; Constant: "A2A_REQUEST"; Snake: "a2a_request"; Model: "A2ARequest"; }
    must {}
    may {
        /// Which request, where the subject does not say it.
        request_id: String,
        /// Who asks.
        from: String,
        /// Who is asked.
        to: String,
        /// What is wished.
        method: String,
        /// What goes with it.
        payload: Value,
        /// How long the asker waits.
        timeout_ms: Count,
    }

    /// An agent answers another.
    A2aResponse = "a2a.response", v 1, Durable, Completes(A2a)
    { Dotted: "a2a.response"; Constant: "A2A_RESPONSE"; Snake: "a2a_response"; Model: "A2AResponse"; }
    must {}
    may {
        /// Which request it answers, where the subject does not say it.
        request_id: String,
        /// Who answers.
        from: String,
        /// Who asked.
        to: String,
        /// The answer.
        payload: Value,
        /// Why there is none.
        error: Failure,
    }
}
