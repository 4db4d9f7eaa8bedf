//! A self-hosted, real-time chat room: one binary, one port, one thread per connection.

pub mod banner;
pub mod config;
pub mod limits;
pub mod names;
pub mod page;
mod private_socket;
pub mod site;
