//! Programs that find their loader from any folder: planted by the surgeon, started by a kernel.

mod blobs;
mod broken;
mod launcher;
mod places;
mod tools;
mod workshop;
