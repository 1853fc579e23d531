//! Reads one tensor of a safetensors file out of a customer's bucket, in the embedded world.
#![allow(clippy::print_stdout, reason = "the result goes to stdout")]

use clap::Parser;
use object_store::path::Path;
use object_store_examples::customer::Customer;
use object_store_examples::tensor;

#[derive(Parser)]
#[command(
    name = "safetensors-tensor",
    version,
    about = "Reads one tensor of a safetensors file in a customer's bucket"
)]
struct Arguments {
    /// Which tensor.
    #[arg(long, default_value = "layer.1.bias")]
    tensor: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let customer = Customer::start().await?;
    let path = Path::from("models/head.safetensors");
    let (file, _) = tensor::sample()?;
    let size = customer.put(&path, file)?;
    let found = tensor::read(&customer.store(), &path, &arguments.tensor).await?;
    let rows = customer.reads();
    let read: u64 = rows.iter().filter_map(|row| row.bytes_read).sum();
    println!(
        "{} of shape {:?}: {read} of {size} bytes in {} reads, each with its audit row",
        arguments.tensor,
        found.shape,
        rows.len()
    );
    Ok(())
}
