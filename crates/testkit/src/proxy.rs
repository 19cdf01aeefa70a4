//! A TCP proxy in front of a server that fails on command.
//!
//! It runs on a thread of its own, and each command is in force when its method returns, so tests
//! need no waiting. It knows bytes only; what it passes on it passes on unchanged and in order.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc as blocking};
use std::thread::{self, JoinHandle};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::port;

/// Bytes read at a time; a pattern in a hook sees at most these together.
const CHUNK: usize = 64 * 1024;

/// A proxy on a loopback port; passes everything until told otherwise. Ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    target: u16,
    fault: Arc<Fault>,
    commands: Option<mpsc::UnboundedSender<(Command, blocking::Sender<()>)>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, Debug)]
enum Command {
    Enter(Mode),
    Cut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Pass,
    Blackhole,
    Refuse,
}

/// A fault that strikes one connection, once.
enum Plan {
    Nothing,
    CutAfterReply(usize),
    SwallowReply(Box<Matches>),
}

/// Whether a chunk of a client's bytes is the one meant.
type Matches = dyn FnMut(&[u8]) -> bool + Send;

#[derive(Debug)]
struct Fault {
    plan: Mutex<Plan>,
    struck: AtomicUsize,
}

impl Proxy {
    /// Listens on a free port, in front of loopback port `target`, which may start later.
    pub fn start(target: u16) -> Proxy {
        let port = port::free();
        let fault =
            Arc::new(Fault { plan: Mutex::new(Plan::Nothing), struck: AtomicUsize::new(0) });
        let (commands, receiver) = mpsc::unbounded_channel();
        let (ready, listening) = blocking::channel();
        let server = Server { port, target, fault: Arc::clone(&fault) };
        let thread = thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(server.run(receiver, ready));
        });
        listening.recv().expect("the proxy listens on its free port");
        Proxy { port, target, fault, commands: Some(commands), thread: Some(thread) }
    }

    /// The port to connect to, the same in every mode.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `url` with the server's port replaced by the proxy's.
    ///
    /// # Panics
    /// If `url` does not name the server's port.
    pub fn url(&self, url: &str) -> String {
        let (target, port) = (format!(":{}", self.target), format!(":{}", self.port));
        assert!(url.contains(&target), "{url} does not name port {}", self.target);
        url.replacen(&target, &port, 1)
    }

    /// Passes bytes on, also those held back by [`Proxy::blackhole`]; accepts connections.
    pub fn pass(&self) {
        self.command(Command::Enter(Mode::Pass));
    }

    /// Delivers nothing and closes nothing, like a cable that was pulled: connections stay open, new
    /// ones are accepted by the kernel and hear nothing. What was sent is delivered after `pass`.
    pub fn blackhole(&self) {
        self.command(Command::Enter(Mode::Blackhole));
    }

    /// Closes all connections and refuses new ones, like a server that is not running.
    pub fn refuse(&self) {
        self.command(Command::Enter(Mode::Refuse));
    }

    /// Closes all connections now; new ones are treated as before.
    pub fn cut(&self) {
        self.command(Command::Cut);
    }

    /// Lets `bytes` more of the server's bytes pass, over all connections, and closes the connection
    /// that would carry the next one. Once; replaces an armed fault.
    pub fn cut_after_reply(&self, bytes: usize) {
        self.fault.arm(Plan::CutAfterReply(bytes));
    }

    /// Delivers the first bytes from a client for which `matches` is true, waits for the server's
    /// answer, drops it and closes the connection: the server did it, and the client cannot know.
    /// `matches` sees each chunk of a client's bytes as it was read. Once; replaces an armed fault.
    pub fn swallow_reply_to(&self, matches: impl FnMut(&[u8]) -> bool + Send + 'static) {
        self.fault.arm(Plan::SwallowReply(Box::new(matches)));
    }

    /// Like [`Proxy::swallow_reply_to`] for the SQL text `COMMIT`, in PostgreSQL's simple protocol.
    pub fn swallow_reply_to_commit(&self) {
        self.swallow_reply_to(|bytes| bytes.windows(6).any(|word| word == b"COMMIT"));
    }

    /// How often an armed fault has struck since the start.
    pub fn struck(&self) -> usize {
        self.fault.struck.load(Ordering::SeqCst)
    }

    fn command(&self, command: Command) {
        let (done, wait) = blocking::channel();
        let commands = self.commands.as_ref().expect("open until drop");
        commands.send((command, done)).expect("the thread runs until drop");
        wait.recv().expect("the thread runs until drop");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.commands.take());
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

/// What the proxy's thread runs.
struct Server {
    port: u16,
    target: u16,
    fault: Arc<Fault>,
}

impl Server {
    async fn run(
        self,
        mut commands: mpsc::UnboundedReceiver<(Command, blocking::Sender<()>)>,
        ready: blocking::Sender<()>,
    ) {
        let mut connections = JoinSet::new();
        let (mode, _) = watch::channel(Mode::Pass);
        let mut listener = Some(self.listen().await);
        _ = ready.send(());
        loop {
            tokio::select! {
                command = commands.recv() => {
                    let Some((command, done)) = command else { return };
                    match command {
                        Command::Cut => connections.shutdown().await,
                        Command::Enter(Mode::Refuse) => {
                            listener = None;
                            connections.shutdown().await;
                            mode.send_replace(Mode::Refuse);
                        }
                        Command::Enter(next @ (Mode::Pass | Mode::Blackhole)) => {
                            if listener.is_none() {
                                listener = Some(self.listen().await);
                            }
                            mode.send_replace(next);
                        }
                    }
                    _ = done.send(());
                }
                client = accept(listener.as_ref()), if *mode.borrow() == Mode::Pass => {
                    let relay = Relay { fault: Arc::clone(&self.fault), mode: mode.subscribe() };
                    connections.spawn(relay.run(client, self.target));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn listen(&self) -> TcpListener {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await;
        listener.expect("the port stays free: see the module \"port\"")
    }
}

/// The next client; never, while nothing listens.
async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else { return std::future::pending().await };
    let (client, _) = listener.accept().await.expect("a connection can be accepted");
    client
}

/// One connection.
struct Relay {
    fault: Arc<Fault>,
    mode: watch::Receiver<Mode>,
}

impl Relay {
    /// Moves bytes both ways until a side closes, fails, or a fault strikes; then both are closed.
    async fn run(mut self, mut client: TcpStream, target: u16) {
        let target = SocketAddr::from((Ipv4Addr::LOCALHOST, target));
        let Ok(mut server) = TcpStream::connect(target).await else { return };
        for stream in [&client, &server] {
            // Small messages at once, as without a proxy.
            _ = stream.set_nodelay(true);
        }
        let (mut upward, mut downward) = (vec![0; CHUNK], vec![0; CHUNK]);
        let mut swallow = false;
        loop {
            tokio::select! {
                count = client.read(&mut upward) => {
                    let chunk = &upward[..count.unwrap_or(0)];
                    if chunk.is_empty() || !self.passes().await {
                        return;
                    }
                    swallow |= self.fault.swallows(chunk);
                    if server.write_all(chunk).await.is_err() {
                        return;
                    }
                }
                count = server.read(&mut downward) => {
                    let chunk = &downward[..count.unwrap_or(0)];
                    if chunk.is_empty() || !self.passes().await {
                        return;
                    }
                    if swallow {
                        self.fault.count();
                        return;
                    }
                    let passing = self.fault.reply(chunk.len());
                    if client.write_all(&chunk[..passing]).await.is_err() || passing < chunk.len() {
                        return;
                    }
                }
            }
        }
    }

    /// Holds what was read, or an end, until the proxy passes; false when the proxy has ended.
    async fn passes(&mut self) -> bool {
        self.mode.wait_for(|mode| *mode == Mode::Pass).await.is_ok()
    }
}

impl Fault {
    fn arm(&self, plan: Plan) {
        *self.plan() = plan;
    }

    fn count(&self) {
        self.struck.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether the answer to `chunk` is the one to be dropped.
    fn swallows(&self, chunk: &[u8]) -> bool {
        let mut plan = self.plan();
        let Plan::SwallowReply(matches) = &mut *plan else { return false };
        let swallows = matches(chunk);
        if swallows {
            *plan = Plan::Nothing;
        }
        swallows
    }

    /// How many of the next `count` bytes from a server may pass.
    fn reply(&self, count: usize) -> usize {
        let mut plan = self.plan();
        let Plan::CutAfterReply(left) = &mut *plan else { return count };
        if count <= *left {
            *left -= count;
            return count;
        }
        let passing = *left;
        *plan = Plan::Nothing;
        self.count();
        passing
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Plan::Nothing => "Nothing",
            Plan::CutAfterReply(_) => "CutAfterReply",
            Plan::SwallowReply(_) => "SwallowReply",
        })
    }
}
