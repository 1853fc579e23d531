//! Reads one column of a parquet file out of a customer's bucket, in the embedded world.
#![allow(clippy::print_stdout, reason = "the result goes to stdout")]

use clap::Parser;
use object_store::path::Path;
use object_store_examples::column;
use object_store_examples::customer::Customer;

#[derive(Parser)]
#[command(name = "parquet-column", version, about = "Reads one column of a parquet file in a customer's bucket")]
struct Arguments {
    /// How many rows the file has.
    #[arg(long, default_value_t = 20_000)]
    rows: u16,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let customer = Customer::start().await?;
    let path = Path::from("calibration/scores.parquet");
    let size = customer.put(&path, column::sample(arguments.rows)?)?;
    let scores = column::read(customer.store(), path, "score").await?;
    let rows = customer.reads();
    let read: u64 = rows.iter().filter_map(|row| row.bytes_read).sum();
    println!("{} scores: {read} of {size} bytes in {} reads, each with its audit row", scores.len(), rows.len());
    for row in rows {
        println!(
            "  {:?} {} bytes, AWS request {}",
            row.event_type,
            row.bytes_read.unwrap_or(0),
            row.aws_request_id.unwrap_or_default()
        );
    }
    Ok(())
}
