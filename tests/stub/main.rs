//! Programs that find their loader from any folder: planted by the surgeon, started by a kernel. And the program that makes references
//! permanent.

mod blobs;
mod broken;
mod launcher;
mod places;
mod relocate;
mod tools;
mod workshop;
