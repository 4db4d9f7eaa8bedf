//! The yardstick: what fanning out costs where nothing else is done. One thread takes the clients' bytes as they come,
//! counts messages by their length, and writes as many bytes as the room would have written, in chunks of the same
//! size, to every socket: non-blocking, no protocol, nothing parsed and nothing stored.

use rustix::event::epoll;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

/// What the yardstick is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Bytes of a message on its way in.
    pub in_bytes: usize,
    /// Bytes of a message on its way out.
    pub out_bytes: usize,
    /// Messages that are gathered for one write.
    pub chunk: usize,
}

impl Work {
    /// From what [`Work::to_string`] wrote.
    pub fn read(text: &str) -> Result<Work, String> {
        let numbers: Option<Vec<usize>> = text.split(',').map(|number| number.parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[in_bytes, out_bytes, chunk]) => Ok(Work { in_bytes, out_bytes, chunk }),
            _ => Err(format!("'{text}' is no work for the yardstick")),
        }
    }
}

impl std::fmt::Display for Work {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{},{},{}", self.in_bytes, self.out_bytes, self.chunk)
    }
}

struct Client {
    stream: TcpStream,
    /// Bytes that its socket did not take.
    behind: usize,
}

/// Works until it is killed. Prints its address as the room does.
pub fn serve(work: Work) {
    const LISTENER: u64 = u64::MAX;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    // As many at once as the room takes.
    rustix::net::listen(&listener, 4096).expect("a longer queue");
    listener.set_nonblocking(true).expect("an option");
    println!("http://{}", listener.local_addr().expect("an address"));
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("an epoll");
    epoll::add(&epoll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)
        .expect("to wait");
    let mut clients: Vec<Client> = Vec::new();
    let (mut events, mut gathered) = (Vec::with_capacity(4096), 0);
    let mut buffer = vec![0; 64 * 1024];
    let out = vec![b'x'; (work.out_bytes * work.chunk).max(1024 * 1024)];
    loop {
        let _ = epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), None);
        for event in events.drain(..) {
            if event.data.u64() == LISTENER {
                accept(&listener, &epoll, &mut clients);
                continue;
            }
            let index = event.data.u64() as usize;
            let flags = event.flags; // a copy: the kernel packs events
            if flags.contains(epoll::EventFlags::OUT) {
                clients[index].write(0, &out, &epoll, index);
            }
            if flags.contains(epoll::EventFlags::IN) {
                match clients[index].stream.read(&mut buffer) {
                    Ok(0) => return, // the clients go together
                    Ok(count) => gathered += count,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
            }
        }
        while gathered >= work.in_bytes * work.chunk {
            gathered -= work.in_bytes * work.chunk;
            for (index, client) in clients.iter_mut().enumerate() {
                client.write(work.out_bytes * work.chunk, &out, &epoll, index);
            }
        }
    }
}

fn accept(listener: &TcpListener, epoll: &rustix::fd::OwnedFd, clients: &mut Vec<Client>) {
    while let Ok((stream, _)) = listener.accept() {
        stream.set_nonblocking(true).expect("an option");
        stream.set_nodelay(true).expect("an option");
        let _ =
            rustix::net::sockopt::set_socket_send_buffer_size(&stream, chat_app::limits::SEND_BUFFER_BYTES);
        let data = epoll::EventData::new_u64(clients.len() as u64);
        epoll::add(epoll, &stream, data, epoll::EventFlags::IN).expect("to wait");
        clients.push(Client { stream, behind: 0 });
    }
}

impl Client {
    /// Writes so many bytes behind those that its socket has not taken yet.
    fn write(&mut self, bytes: usize, out: &[u8], epoll: &rustix::fd::OwnedFd, index: usize) {
        let was_behind = self.behind > 0;
        self.behind += bytes;
        if was_behind && bytes > 0 {
            return;
        }
        while self.behind > 0 {
            match self.stream.write(&out[..self.behind.min(out.len())]) {
                Ok(taken) => self.behind -= taken,
                Err(_) => break,
            }
        }
        if was_behind != (self.behind > 0) {
            let mut flags = epoll::EventFlags::IN;
            flags.set(epoll::EventFlags::OUT, self.behind > 0);
            let data = epoll::EventData::new_u64(index as u64);
            epoll::modify(epoll, &self.stream, data, flags).expect("to wait for more");
        }
    }
}
