//! Lists Apollo's environments, installs a product on one and waits until its plan is through, on the embedded world:
//! `cargo run -p cube-sdk --example environments`. With credentials of your own: `Cube::from_env()`.
#![allow(clippy::print_stdout, reason = "the result goes to stdout")]

use std::time::Duration;

use cube_sdk::prelude::*;
use cube_sdk_server::local::World;

#[tokio::main]
async fn main() -> Result<()> {
    let world = World::start().await?;
    let cube = Cube::builder().environment(world.environment()).build();
    let apollo = cube.apollo()?;

    let mut environments = apollo.environments().list();
    while let Some(environment) = environments.try_next().await? {
        println!("{}", environment.name);
    }

    let change = apollo
        .entities(&world.card().apollo.environment)
        .install("example-broker", "com.example:mosquitto")
        .namespace("mqtt")
        .await?;
    println!("change request {} is {:?}", change.rid(), change.status());

    // Somebody reviews it; here we do it ourselves.
    apollo.change_requests().approve(change.rid()).await?;
    let merged = change.wait().interval(Duration::from_millis(50)).await?;
    let plan = merged.plan_of("example-broker").await?;
    let done = plan.wait().interval(Duration::from_millis(50)).await?;
    println!("the plan succeeded: {}", done.succeeded());
    Ok(())
}

#[test]
fn it_runs() -> Result<()> {
    main()
}
