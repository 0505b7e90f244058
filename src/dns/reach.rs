//! Whether anybody is there to be asked.
//!
//! A port that nobody listens on says so at once, but only to a connected socket (udp(7)), which hickory
//! does not use: it waits until its time is over. Who is going to ask much asks this first.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, Query};
use hickory_resolver::proto::rr::RecordType;
use tokio::net::{TcpStream, UdpSocket};

use super::DnsError;
use super::resolver::{Question, Resolver, parse};

/// How long the system may take to say that nobody is there. Who only answers later is not dead.
const WAIT: Duration = Duration::from_millis(300);

impl Resolver {
    /// Sends a question for the mail exchangers of `name` to one server after the other: an error if each
    /// says that nobody is there, by UDP and by TCP. Silence is no error.
    pub async fn reach(&self, name: &str) -> Result<(), DnsError> {
        let mut message = Message::query();
        message.queries = vec![Query::query(parse(name)?, RecordType::MX)];
        message.metadata.recursion_desired = true;
        let question = Question { name, kind: "MX" };
        let bytes = message
            .to_vec()
            .map_err(|e| question.unusable(e.to_string()))?;
        let mut last = None;
        for server in self.servers() {
            match ask(*server, &bytes).await {
                Ok(()) => return Ok(()),
                Err(e) => last = Some(e),
            }
        }
        match last {
            Some(e) => {
                Err(question.temporary(format!("the DNS server cannot be reached: {e}"), true))
            }
            None => Ok(()),
        }
    }
}

async fn ask(server: SocketAddr, question: &[u8]) -> io::Result<()> {
    let by_udp = async {
        let any = match server {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind((any, 0)).await?;
        socket.connect(server).await?;
        socket.send(question).await?;
        socket.recv(&mut [0; 512]).await
    };
    if !matches!(tokio::time::timeout(WAIT, by_udp).await, Ok(Err(_))) {
        return Ok(());
    }
    match tokio::time::timeout(WAIT, TcpStream::connect(server)).await {
        Ok(Err(e)) => Err(e),
        _ => Ok(()),
    }
}
