//! What a session that waits holds in memory.

use std::sync::Arc;

use super::super::session::Session;
use super::world::World;

#[tokio::test]
async fn futures_that_wait_are_small() {
    let world = World::new().await;
    let (conn, _client) = world.pair().await;
    let mut session = Session::new(conn, Arc::clone(&world.context));
    let whole = size_of_val(&session);
    let more = size_of_val(&session.more());
    let idle = size_of_val(&session.idle());
    let tell = size_of_val(&session.tell(true, true));
    let run = size_of_val(&session.run());
    let sizes = [whole, more, idle, tell, run];
    assert!(sizes.iter().sum::<usize>() < 4_500, "{sizes:?}");
}
