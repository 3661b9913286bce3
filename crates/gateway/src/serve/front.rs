//! The way from a connection to the routes, and a shorter one for what is asked most.

use std::{convert::Infallible, pin::Pin, sync::Arc};

use axum::{Router, response::Response};
use http::{Method, Request, header};
use hyper::{body::Incoming, service::Service};
use hyper_util::service::TowerToHyperService;

use crate::{app::App, gateway::EVENTS, publish};

/// Serves requests: publishing directly, everything else by the routes.
///
/// The routes lead a publish to the same place and with the same answer, but for each one they take the path apart,
/// pack the request up and box what serves it several times over, which is a good part of what a single event costs.
pub(super) struct Front {
    app: Arc<App>,
    routes: TowerToHyperService<Router>,
}

impl Front {
    pub(super) fn new(app: Arc<App>, router: Router) -> Self {
        Self { app, routes: TowerToHyperService::new(router) }
    }
}

/// An answer on its way. Boxed, because every connection has room for one also while it has none.
type Answer = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

impl Service<Request<Incoming>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn call(&self, request: Request<Incoming>) -> Answer {
        // A page of another origin needs more than the answer.
        let short = request.method() == Method::POST
            && request.uri().path() == EVENTS
            && !request.headers().contains_key(header::ORIGIN);
        if short {
            let app = Arc::clone(&self.app);
            return Box::pin(async move { Ok(publish::answer(&app, request).await) });
        }
        Box::pin(self.routes.call(request))
    }
}
