//! Changes of what has odd parts.

use api::service::{conversation, message};
use api::store::{Collection, bson_id};
use bson::{Bson, bson, doc};
use protocol::event::client::ReadUpTo;
use protocol::id::{ConversationId, MessageId};

use super::super::world::World;
use super::{conversation_of, id, message_of};

#[tokio::test]
async fn a_message_of_odd_parts_is_edited_read_and_deleted_like_any_other() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let place = world.between(&ada, &bob).await;
    let parts = [
        doc! { "content": 42 },
        doc! { "content": Bson::Null },
        doc! { "content": ["a", "b"] },
        doc! { "content": f64::NAN },
        doc! { "content": { "$where": "1" } },
        doc! { "metadata": Bson::Null },
        doc! { "metadata": "none" },
        doc! { "metadata": [] },
        doc! { "metadata": { "editHistory": Bson::Null } },
        doc! { "metadata": { "editHistory": "none", "readBy": Bson::Null } },
        doc! { "metadata": { "editHistory": {}, "readBy": [Bson::Null, 7, { "userId": "bob" }] } },
        doc! { "metadata": { "editHistory": [Bson::Null, "x"] } },
    ];
    for ((number, seq), parts) in (1..).zip(1..).zip(parts) {
        let mut document = message_of(number, place, &ada, seq);
        document.extend(parts.clone());
        world.put(Collection::Messages, document).await;
        let it = MessageId(id(number));
        message::mark_read(&world.app, &bob, ReadUpTo::Message(it), None).await.unwrap();
        let edited = message::edit(&world.app, &ada, it, "first".to_owned()).await;
        assert_eq!(edited.unwrap_or_else(|error| panic!("{parts}: {error}")).content, "first");
        let edited = message::edit(&world.app, &ada, it, "second".to_owned()).await.unwrap();
        assert!(edited.metadata.is_edited, "{parts}");
        let newest = edited.metadata.edit_history.last().map(|edit| edit.content.as_str());
        assert_eq!(newest, Some("first"), "{parts}");
        assert_eq!(edited.metadata.edit_history.len(), 2, "{parts}");
    }
    for number in 1..=12 {
        message::delete(&world.app, &ada, MessageId(id(number))).await.unwrap();
    }
}

#[tokio::test]
async fn an_agent_that_is_no_id_is_nobody_and_the_conversation_can_be_claimed() {
    let world = World::new().await;
    let (ada, eve) = (world.user("ada").await, world.agent("eve").await);
    for (number, agent) in (1..).zip([Bson::from("eve"), 7.into(), false.into(), bson!({})]) {
        let mut document = conversation_of(bson_id(id(number)), &[&ada]);
        document.insert("assignedTo", agent);
        world.put(Collection::Conversations, document).await;
        let it = ConversationId(id(number));
        let assigned = conversation::assign(&world.app, &eve, it, Some(eve.user_id)).await;
        assert!(assigned.unwrap().assigned_to.is_some());
    }
}
