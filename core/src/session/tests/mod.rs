//! Whole sessions against each other, in virtual time over a network that can do anything.

mod attacks;
mod crowds;
mod files;
mod liveness;
mod meeting;
mod moving;
mod relayed;
mod renewal;
mod transfer;
mod vectors;
mod world;
