//! How many threads compress each archive, within the memory that they may take.

use super::compress::memory_of_thread;
use super::stream::Stream;
use crate::config::Compression;
use crate::error::{Error, Result};

/// Gives every stream, or all of a codec that has a packer, up to `threads`: they go on side by side at the walker's pace, so that the
/// slowest codec wants all processors. Where the memory does not allow that, threads are dealt out in turn.
///
/// Errors: the memory is too little for one thread each.
pub fn share(streams: &mut [Stream], threads: usize, memory: u64) -> Result<()> {
    let cost = |number: usize, stream: &Stream| {
        // A packer's threads work for all streams of its codec.
        let is_alike = |other: &Stream| other.in_pieces && other.compression == stream.compression;
        let is_shared = stream.in_pieces && streams[..number].iter().any(is_alike);
        if is_shared { 0 } else { memory_of_thread(stream.compression) }
    };
    let costs: Vec<u64> = streams.iter().enumerate().map(|(number, stream)| cost(number, stream)).collect();
    let most: Vec<usize> = streams.iter().map(|stream| threads.min(most_threads(stream))).collect();
    let Some(dealt) = deal(&costs, &most, memory) else {
        let codecs: Vec<Compression> = streams.iter().map(|stream| stream.compression).collect();
        return Err(too_little(&codecs, costs.iter().sum(), memory));
    };
    for (stream, threads) in streams.iter_mut().zip(dealt) {
        stream.threads = threads;
    }
    Ok(())
}

/// How many threads are worth their memory. At these levels one packs 190 MB a second, and what a stream does by itself it does at no
/// more than 600 (MD5, for a .deb). Those of a packer work for all streams.
fn most_threads(stream: &Stream) -> usize {
    match (stream.compression, stream.in_pieces) {
        (Compression::Zstd(..=4), true) => 5,
        (Compression::Zstd(..=4), false) => 3,
        _ => usize::MAX,
    }
}

/// How many threads each gets, up to `most`, by what a thread of each costs; `None` if not even one each.
fn deal(costs: &[u64], most: &[usize], memory: u64) -> Option<Vec<usize>> {
    let mut left = memory.checked_sub(costs.iter().sum())?;
    let mut dealt = vec![1; costs.len()];
    for threads in 2..=most.iter().copied().max().unwrap_or(1) {
        for ((dealt, cost), most) in dealt.iter_mut().zip(costs).zip(most) {
            if threads <= *most && *cost <= left {
                left -= cost;
                *dealt += 1;
            }
        }
    }
    Some(dealt)
}

fn too_little(codecs: &[Compression], needed: u64, memory: u64) -> Error {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let codecs: Vec<String> = codecs.iter().map(Compression::to_string).collect();
    Error::usage(format!(
        "compressing with {} takes {} MiB at least, and {} MiB are allowed",
        codecs.join(" and "),
        mib(needed),
        memory >> 20
    ))
    .remedy("allow more with --memory, take a lower level, or write one format at a time (-f)")
}

/// What is taken where nobody says how much: half of what the machine has, or the control group that we are in.
pub fn default_memory() -> u64 {
    let all = rustix::system::sysinfo();
    let machine = (all.totalram as u64).saturating_mul(all.mem_unit.into());
    // A container's own group is the root of what it sees (cgroups(7)); its limit may be the word `max`.
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = limit.and_then(|text| text.trim().parse().ok()).unwrap_or(u64::MAX);
    machine.min(group) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_dealt_out_as_far_as_the_memory_goes() {
        assert_eq!(deal(&[10, 10], &[4, 4], 1000), Some(vec![4, 4]));
        assert_eq!(deal(&[10, 10], &[4, 4], 50), Some(vec![3, 2]));
        // What one stream cannot afford, a cheaper one may.
        assert_eq!(deal(&[160, 12], &[4, 4], 300), Some(vec![1, 4]));
        assert_eq!(deal(&[160, 0], &[2, 2], 160), Some(vec![1, 2]));
        // Nor what one has no use for.
        assert_eq!(deal(&[10, 10], &[2, 9], 80), Some(vec![2, 6]));
        assert_eq!(deal(&[10, 10], &[1, 1], 20), Some(vec![1, 1]));
        assert_eq!(deal(&[10, 10], &[4, 4], 19), None);
        assert_eq!(deal(&[], &[], 19), Some(vec![]));
    }
}
