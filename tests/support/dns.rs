//! A DNS server of a test: what zone files say, by UDP and TCP, and on demand nothing, failures, or lies.
//!
//! The zone text is read by hickory's parser, which knows nothing of what writes ours.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use hickory_resolver::proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::proto::serialize::txt::Parser;

/// What a name is answered with, whatever the zone says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SERVFAIL.
    Fails,
    /// REFUSED.
    Refuses,
    /// No answer at all.
    Silent,
    /// By UDP only that it is too long; by TCP the answer.
    Truncated,
    /// Too long by TCP as well.
    TruncatedAlways,
    /// The answer, but as if another name had been asked for.
    OtherName,
    /// Bytes that are no DNS message.
    Garbage,
}

#[derive(Default)]
struct Facts {
    records: Vec<Record>,
    faults: BTreeMap<String, Fault>,
    /// Whether answers say that they were validated, if they are asked.
    authentic: bool,
    asked: Vec<String>,
}

/// Serves until it is dropped.
pub struct DnsServer {
    address: SocketAddr,
    facts: Arc<Mutex<Facts>>,
    ending: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl DnsServer {
    /// On a free port of loopback, with nothing to tell: every name is NXDOMAIN.
    pub fn start() -> DnsServer {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            let address = udp.local_addr().expect("an address");
            // The same port may be taken for TCP.
            if let Ok(tcp) = TcpListener::bind(address) {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().expect("an address");
        let facts = Arc::new(Mutex::new(Facts::default()));
        let ending = Arc::new(AtomicBool::new(false));
        let by_udp = (facts.clone(), ending.clone());
        let by_tcp = (facts.clone(), ending.clone());
        let threads = vec![
            thread::spawn(move || serve_udp(&udp, &by_udp.0, &by_udp.1)),
            thread::spawn(move || serve_tcp(&tcp, &by_tcp.0, &by_tcp.1)),
        ];
        DnsServer {
            address,
            facts,
            ending,
            threads,
        }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds what a zone file says; names without a final dot are below `origin`.
    #[track_caller]
    pub fn zone(&self, origin: &str, text: &str) {
        let origin = Name::from_ascii(origin).expect("a name");
        let text = format!("$TTL 60\n{text}\n");
        let (_, sets) = Parser::new(text.clone(), None, Some(origin))
            .parse()
            .unwrap_or_else(|e| panic!("{e} in the zone\n{text}"));
        let records = sets
            .values()
            .flat_map(|set| set.records_without_rrsigs().cloned().collect::<Vec<_>>());
        self.facts().records.extend(records);
    }

    /// Takes out all records of a type at a name, `A`.
    #[track_caller]
    pub fn remove(&self, name: &str, kind: &str) {
        let (name, kind) = (full(name), kind.parse::<RecordType>().expect("a type"));
        let before = self.facts().records.len();
        self.facts()
            .records
            .retain(|record| record.name != name || record.record_type() != kind);
        assert!(self.facts().records.len() < before, "no {kind} at {name}");
    }

    /// Puts these records in place of all of their type at the name.
    #[track_caller]
    pub fn set(&self, name: &str, kind: &str, values: &[&str]) {
        let full_name = full(name);
        let kind_of = kind.parse::<RecordType>().expect("a type");
        self.facts()
            .records
            .retain(|record| record.name != full_name || record.record_type() != kind_of);
        let lines: Vec<String> = values
            .iter()
            .map(|value| format!("{full_name} 60 IN {kind} {value}"))
            .collect();
        self.zone(".", &lines.join("\n"));
    }

    /// From now on every question about a name goes wrong.
    pub fn fault(&self, name: &str, fault: Fault) {
        self.facts().faults.insert(full(name).to_ascii(), fault);
    }

    /// Whether answers are said to be validated, where the question asks for it.
    pub fn authentic(&self, authentic: bool) {
        self.facts().authentic = authentic;
    }

    /// What was asked: `udp MX example.org.`
    pub fn asked(&self) -> Vec<String> {
        self.facts().asked.clone()
    }

    fn facts(&self) -> std::sync::MutexGuard<'_, Facts> {
        self.facts.lock().expect("nobody panicked")
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        // Both threads wait for something to come.
        if let Ok(socket) = UdpSocket::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), 0)) {
            drop(socket.send_to(b"", self.address));
        }
        drop(TcpStream::connect(self.address));
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

fn full(name: &str) -> Name {
    let mut name = Name::from_ascii(name).expect("a name");
    name.set_fqdn(true);
    name
}

fn serve_udp(socket: &UdpSocket, facts: &Mutex<Facts>, ending: &AtomicBool) {
    let mut buffer = [0; 65536];
    while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
        if ending.load(Ordering::SeqCst) {
            return;
        }
        if let Some(answer) = answer(&buffer[..length], facts, "udp") {
            drop(socket.send_to(&answer, peer));
        }
    }
}

fn serve_tcp(listener: &TcpListener, facts: &Arc<Mutex<Facts>>, ending: &AtomicBool) {
    for stream in listener.incoming() {
        if ending.load(Ordering::SeqCst) {
            return;
        }
        let Ok(mut stream) = stream else { continue };
        let facts = facts.clone();
        thread::spawn(move || while serve_one(&mut stream, &facts).is_some() {});
    }
}

fn serve_one(stream: &mut TcpStream, facts: &Mutex<Facts>) -> Option<()> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut question).ok()?;
    if let Some(answer) = answer(&question, facts, "tcp") {
        let length = u16::try_from(answer.len()).expect("it fits").to_be_bytes();
        stream.write_all(&[&length[..], &answer].concat()).ok()?;
    }
    Some(())
}

fn answer(bytes: &[u8], facts: &Mutex<Facts>, over: &str) -> Option<Vec<u8>> {
    let question = Message::from_vec(bytes).ok()?;
    let query = question.queries.first()?.clone();
    let mut facts = facts.lock().expect("nobody panicked");
    let (name, kind) = (query.name().clone(), query.query_type());
    facts.asked.push(format!("{over} {kind} {name}"));
    let fault = facts.faults.get(&name.to_lowercase().to_ascii()).copied();
    let mut reply = Message::response(question.metadata.id, question.metadata.op_code);
    reply.metadata.message_type = MessageType::Response;
    reply.metadata.recursion_desired = true;
    reply.metadata.recursion_available = true;
    reply.queries.push(query);
    // RFC 6840 §5.7: only who asks for it is told.
    let wants = question.metadata.authentic_data
        || question
            .edns
            .as_ref()
            .is_some_and(|edns| edns.flags().dnssec_ok);
    reply.metadata.authentic_data = wants && facts.authentic;
    if question.edns.is_some() {
        reply.edns = Some(Edns::new());
    }
    match fault {
        Some(Fault::Silent) => return None,
        Some(Fault::Garbage) => return Some([&bytes[..2], &[0xff; 40][..]].concat()),
        Some(Fault::Fails) => reply.metadata.response_code = ResponseCode::ServFail,
        Some(Fault::Refuses) => reply.metadata.response_code = ResponseCode::Refused,
        Some(Fault::TruncatedAlways) => reply.metadata.truncation = true,
        Some(Fault::Truncated) if over == "udp" => reply.metadata.truncation = true,
        _ => resolve(&facts, &name, kind, &mut reply),
    }
    if fault == Some(Fault::OtherName) {
        let other = full("other.example");
        for record in &mut reply.answers {
            record.name = other.clone();
        }
        reply.queries = vec![Query::query(name, kind)];
    }
    let encoded = reply.to_vec().expect("it encodes");
    if over == "udp" && encoded.len() > 1232 {
        reply.metadata.truncation = true;
        reply.answers.clear();
        return Some(reply.to_vec().expect("it encodes"));
    }
    Some(encoded)
}

/// As a resolver would: aliases and what is at their end.
fn resolve(facts: &Facts, name: &Name, kind: RecordType, reply: &mut Message) {
    let mut name = name.clone();
    for _ in 0..20 {
        let own = || facts.records.iter().filter(|record| record.name == name);
        let found: Vec<Record> = own()
            .filter(|record| record.record_type() == kind)
            .cloned()
            .collect();
        if !found.is_empty() {
            reply.answers.extend(found);
            return;
        }
        let alias = own().find_map(|record| match &record.data {
            RData::CNAME(next) => Some((record.clone(), next.0.clone())),
            _ => None,
        });
        let Some((record, next)) = alias else {
            let mut below = facts.records.iter().map(|record| &record.name);
            if !below.any(|other| name.zone_of(other)) {
                reply.metadata.response_code = ResponseCode::NXDomain;
            }
            return;
        };
        reply.answers.push(record);
        name = next;
    }
}
