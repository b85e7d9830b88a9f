//! What explant itself costs, short of compressing: the plan, and every file with its edits streamed to nowhere.
//!
//! usage: payload RESULT [RUNS]

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use explant::config::Config;
use explant::error::Result;
use explant::payload;
use explant::plan::{self, Request};
use explant::store::Store;

fn main() -> Result<()> {
    // cargo adds `--bench`.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let Some(result) = arguments.first().map(PathBuf::from) else {
        println!("usage: payload RESULT [RUNS]");
        return Ok(());
    };
    let runs = arguments.get(1).and_then(|runs| runs.parse().ok()).unwrap_or(9);
    let mut times = Vec::new();
    for _ in 0..runs {
        times.push(run(&result)?);
    }
    let median = |part: fn(&Times) -> Duration| {
        let mut parts: Vec<Duration> = times.iter().map(part).collect();
        parts.sort();
        parts[parts.len() / 2].as_secs_f64()
    };
    let (plan, stream, bytes) = (median(|times| times.plan), median(|times| times.stream), times[0].bytes);
    println!(
        "plan {plan:.3} s, edits streamed to nowhere {stream:.3} s, together {:.3} s ({:.1} MiB, median of {runs} runs)",
        plan + stream,
        bytes as f64 / f64::from(1 << 20)
    );
    Ok(())
}

struct Times {
    plan: Duration,
    stream: Duration,
    bytes: u64,
}

fn run(result: &PathBuf) -> Result<Times> {
    let start = Instant::now();
    let (config, store) = (Config::default(), Store::new("/"));
    let plan = plan::make(&Request {
        config: &config,
        store: &store,
        results: std::slice::from_ref(result),
        closure: None,
    })?;
    let planned = Instant::now();
    let (mut nowhere, mut bytes) = (std::io::sink(), 0);
    for entry in &plan.entries {
        for window in payload::open(entry)?.into_iter().flatten() {
            let window = window?;
            bytes += window.len() as u64;
            // A sink takes everything.
            let _ = nowhere.write_all(&window);
        }
    }
    Ok(Times { plan: planned - start, stream: planned.elapsed(), bytes })
}
