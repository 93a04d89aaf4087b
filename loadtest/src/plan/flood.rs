//! The command line of `flood`: who talks, and who floods.

use clap::{Args, value_parser};

use super::{SupportChat, connections};

/// `flood`.
#[derive(Debug, Args)]
pub struct Flood {
    /// The room that is flooded.
    #[command(flatten)]
    pub crowd: Crowd,
    /// The others, who are measured.
    #[command(flatten)]
    pub chat: SupportChat,
}

/// A room that one client floods.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Flood")]
pub struct Crowd {
    /// Members of the room that one of them floods
    #[arg(long, default_value_t = 2_000, value_parser = connections())]
    pub crowd: u32,
    /// Messages a second that it sends there
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u32).range(1..=10_000))]
    pub flood_rate: u32,
    /// Times to measure the others without a flood, and then with it
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u32).range(1..=20))]
    pub rounds: u32,
    /// Fail if the flood makes the others' 99th percentile to delivery slower than so many times
    #[arg(long)]
    pub expect_ratio: Option<f64>,
}
