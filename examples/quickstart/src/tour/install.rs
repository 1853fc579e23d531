//! Install a product, and watch its plan.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cube_sdk::prelude::*;
use cube_sdk_server::local::World;

use crate::narrator::Narrator;
use crate::shown::{Source, source};

const SOURCE: Source = source!("tour/install.rs");
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) async fn tell(cube: &Cube, world: &World, narrator: &mut Narrator) -> anyhow::Result<()> {
    narrator.step("Install a product, and watch its plan");
    narrator.code(SOURCE, "install");
    let environment = &world.card().apollo.environment;
    let (name, product) = ("tour-broker", "com.example:mosquitto");
    let moved = Arc::new(Mutex::new(Vec::new()));
    let watch = {
        let (moved, mut before) = (Arc::clone(&moved), None);
        move |now: &cube_sdk::apollo::plans::Plan| {
            let tasks = before.as_ref().map(|before| now.tasks_moved_since(before)).unwrap_or_default();
            let told = tasks.iter().filter_map(|task| Some(format!("{} {:?}", task.title()?, task.state.as_ref()?)));
            moved.lock().unwrap_or_else(PoisonError::into_inner).extend(told);
            before = Some(now.clone());
        }
    };
    // shown: install
    let apollo = cube.apollo()?;
    let change = apollo.entities(environment).install(name, product).namespace("mqtt").await?;
    apollo.change_requests().approve(change.rid()).await?; // in life, somebody else reviews it
    let merged = change.wait().interval(PAUSE).await?;
    let plan = merged.plan_of(name).await?;
    let plan = plan.wait().interval(PAUSE).progress(watch).await?;
    // end
    for step in moved.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        narrator.say(step);
    }
    narrator.say(format_args!("{product} is on {environment}; the plan succeeded: {}", plan.succeeded()));
    narrator.done(SOURCE);
    Ok(())
}
