//! The MongoDB engine: the contract, and what it promises beyond.

mod contract {
    //! Every case of the contract.

    use crate::store::contract::contract_cases;
    use crate::store::mongo::fresh;

    contract_cases!(fresh);
}

mod opening;
mod outage;

use api::store::Store;

use crate::mongod;

/// An empty store in a database of its own.
struct Fixture {
    store: Store,
}

async fn fresh() -> Fixture {
    let store = Store::connect_mongodb(&mongod::common().fresh_address()).await.unwrap();
    Fixture { store }
}
