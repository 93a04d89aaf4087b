//! Events about presence: what is stored is said by the rules, what is not is built here.

use std::sync::Arc;
use std::time::Duration;

use api::App;
use api::error::Error;
use api::service::presence;
use protocol::event::client::PresenceNote;
use protocol::event::server::PresenceUpdate;
use protocol::event::{Envelope, Except, ServerEvent};
use protocol::rest::word::Availability;

use super::call::{Call, Outcome};

/// How often it is looked who has come and who has gone.
const SETTLE_EVERY: Duration = Duration::from_secs(1);

/// The caller says how reachable it is.
pub(super) async fn say(call: &Call, to: Availability) -> Result<Outcome, Error> {
    presence::say(&call.app, &call.person, to).await?;
    Ok(Outcome::done())
}

/// The caller tells others anything about its presence; nothing of it is stored.
pub(super) async fn note(call: &Call, presence: PresenceNote) -> Result<Outcome, Error> {
    let user_id = call.person.user_id;
    let rooms = presence::concerned(&call.app, user_id).await?;
    let timestamp = call.app.clock.now();
    let event = ServerEvent::PresenceUpdate(PresenceUpdate { user_id, presence, timestamp });
    let except = Some(Except::Socket(call.socket));
    call.app.bus.publish(Envelope { rooms, except, event }).await;
    Ok(Outcome::done())
}

/// Settles who is there for as long as the process serves sockets.
pub async fn keep(app: Arc<App>) {
    let mut ticks = tokio::time::interval(SETTLE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut lease_ends = Some(app.clock.now().0.saturating_add(presence::LEASE_MS));
    loop {
        ticks.tick().await;
        presence::settle(&app).await;
        if lease_ends.is_some_and(|at| app.clock.now().0 >= at) {
            match presence::end_left_over(&app).await {
                Ok(()) => lease_ends = None,
                Err(error) => tracing::warn!(%error, "cannot end whom the last process left"),
            }
        }
    }
}
