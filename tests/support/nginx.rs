//! A real nginx as the origin: HTTP/1.1 and HTTP/2, plain and TLS, gzip, chunked, ranges, large files,
//! slow answers, uploads.

use super::{Run, Server, certs::TestCa, command::Running, server, sha256};
use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A running nginx with its own configuration, folder, ports and certificate.
pub struct Nginx {
    /// Signed its certificate.
    pub ca: TestCa,
    /// Port without TLS.
    pub plain: u16,
    /// Port with TLS, HTTP/2 and HTTP/1.1.
    pub tls: u16,
    /// Port with TLS and HTTP/1.1 only.
    pub tls_http1: u16,
    /// Port with HTTP/2 in the clear, for those who know it beforehand.
    pub h2c: u16,
    /// Port with TLS for those who show a certificate of [`ca`](Self::ca); `/who` says its subject.
    pub mutual: u16,
    root: PathBuf,
    _running: Running,
    _sink: Server,
    _dir: TempDir,
}

impl Nginx {
    /// Starts it, with a page, a script, a style sheet, an image and some JSON.
    pub fn start() -> Self {
        let dir = super::folder();
        let ca = TestCa::new();
        ca.identity().write(dir.path(), "server");
        std::fs::write(dir.path().join("clients.pem"), &ca.pem).unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir(&root).unwrap();
        write_site(&root);
        let sink = Server::sink(None);
        let (running, [plain, tls, tls_http1, h2c, mutual]) = launch(dir.path(), sink.port());
        Self {
            ca,
            plain,
            tls,
            tls_http1,
            h2c,
            mutual,
            root,
            _running: running,
            _sink: sink,
            _dir: dir,
        }
    }

    /// `http://localhost:PORT` and a path.
    pub fn http(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.plain)
    }

    /// `https://localhost:PORT` and a path; HTTP/2 for those who ask.
    pub fn https(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.tls)
    }

    /// The folder it serves.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file's bytes.
    pub fn file(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.root.join(path)).unwrap()
    }

    /// Makes a file of that size, with a mark in every MiB so that no two of them are the same and
    /// holes in between, and returns its SHA-256.
    pub fn large_file(&self, name: &str, size: u64) -> String {
        let path = self.root.join(name);
        let mut file = File::create(&path).unwrap();
        file.set_len(size).unwrap();
        for mark in 0..size >> 20 {
            file.seek(SeekFrom::Start((mark << 20) + mark % 4096))
                .unwrap();
            write!(file, "mark {mark} of {name}").unwrap();
        }
        drop(file);
        sha256(File::open(path).unwrap()).0
    }
}

fn launch(dir: &Path, sink: u16) -> (Running, [u16; 5]) {
    let mut said = String::new();
    for _ in 0..10 {
        let ports = [(); 5].map(|()| server::free_port().port());
        let config = dir.join("nginx.conf");
        std::fs::write(&config, configuration(dir, ports, sink)).unwrap();
        let program = if Path::new("/usr/sbin/nginx").exists() {
            "/usr/sbin/nginx"
        } else {
            "nginx"
        };
        let mut running = Run::new(program)
            .arg("-c")
            .arg(&config)
            .arg("-p")
            .arg(dir)
            .args(["-e", "stderr"])
            .limit(std::time::Duration::from_secs(3600))
            .start();
        let up = super::until("nginx to listen", || {
            if running.ended() {
                return Some(false);
            }
            let open = |port| TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).is_ok();
            ports.into_iter().all(open).then_some(true)
        });
        // Another program's ports can look like ours: nginx that could not bind keeps trying, then ends.
        if up && !running.said_so_far().contains("bind()") {
            return (running, ports);
        }
        said = running.said_so_far();
    }
    panic!("nginx does not start: {said}");
}

fn configuration(dir: &Path, [plain, tls, tls_http1, h2c, mutual]: [u16; 5], sink: u16) -> String {
    let dir = dir.display();
    let user = if super::system::is_root() {
        "user root;"
    } else {
        ""
    };
    format!(
        r#"
        {user}
        daemon off;
        master_process off;
        pid {dir}/nginx.pid;
        error_log stderr warn;
        events {{ worker_connections 1024; }}
        http {{
            access_log off;
            server_tokens off;
            client_body_temp_path {dir}/body;
            proxy_temp_path {dir}/proxy;
            fastcgi_temp_path {dir}/fastcgi;
            uwsgi_temp_path {dir}/uwsgi;
            scgi_temp_path {dir}/scgi;
            client_max_body_size 0;
            sendfile on;
            tcp_nodelay on;
            keepalive_requests 100000;
            types {{
                text/html html; text/css css; text/javascript js; application/json json;
                image/png png; image/svg+xml svg; text/plain txt; application/octet-stream bin;
            }}
            server {{
                listen 127.0.0.1:{mutual} ssl;
                ssl_protocols TLSv1.2 TLSv1.3;
                ssl_certificate {dir}/server.pem;
                ssl_certificate_key {dir}/server.key;
                ssl_verify_client on;
                ssl_client_certificate {dir}/clients.pem;
                location /who {{ default_type text/plain; return 200 "$ssl_client_s_dn\n"; }}
            }}
            server {{
                listen 127.0.0.1:{plain};
                listen 127.0.0.1:{h2c} http2;
                listen 127.0.0.1:{tls} ssl http2;
                listen 127.0.0.1:{tls_http1} ssl;
                server_name localhost;
                ssl_protocols TLSv1.2 TLSv1.3;
                ssl_certificate {dir}/server.pem;
                ssl_certificate_key {dir}/server.key;
                root {dir}/root;
                index index.html;
                location /gzip/ {{
                    alias {dir}/root/;
                    gzip on; gzip_min_length 1; gzip_proxied any; gzip_http_version 1.0;
                    gzip_types text/plain text/css application/json text/javascript;
                }}
                location /slow/ {{ alias {dir}/root/; limit_rate 65536; }}
                location /trailers {{
                    add_trailer X-Checksum "abc123";
                    ssi on; ssi_types *;
                    alias {dir}/root/hello.txt;
                }}
                location /empty {{ return 204; }}
                location /moved {{ return 302 /hello.txt; }}
                location /moved/in {{ add_header Set-Cookie "way=1; Path=/" always; return 302 /hello.txt; }}
                location /teapot {{ return 418 "short and stout\n"; }}
                location /upload {{
                    proxy_pass http://127.0.0.1:{sink};
                    proxy_http_version 1.1;
                    proxy_request_buffering off;
                }}
            }}
        }}
        "#
    )
}

fn write_site(root: &Path) {
    let write = |name: &str, bytes: &[u8]| std::fs::write(root.join(name), bytes).unwrap();
    write("hello.txt", b"hello, world\n");
    write(
        "style.css",
        b"body { background: rgb(1, 2, 3); color: white; }\n",
    );
    write(
        "data.json",
        br#"{"greeting":"good day","numbers":[1,2,3],"nested":{"deep":true}}"#,
    );
    write("picture.png", &png());
    write(
        "script.js",
        b"fetch('data.json').then(r => r.json()).then(d => {\n\
          document.querySelector('#greeting').textContent = d.greeting;\n});\n",
    );
    write(
        "index.html",
        b"<!doctype html><html lang=en><meta charset=utf-8><title>Origin</title>\n\
          <link rel=icon href=picture.png><link rel=stylesheet href=style.css>\n\
          <h1>The origin</h1><p id=greeting>waiting</p><img id=picture src=picture.png alt=picture>\n\
          <script src=script.js></script></html>\n",
    );
    let lines =
        (0..5000).map(|n| format!("{{\"line\": {n}, \"text\": \"the quick brown fox\"}}\n"));
    write("lines.txt", lines.collect::<String>().as_bytes());
}

/// A picture of one black point.
fn png() -> Vec<u8> {
    const DIGITS: &[u8] = b"89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55\
        0000000a49444154789c636000000002000148afa4710000000049454e44ae426082";
    let digit = |d: u8| (d as char).to_digit(16).unwrap() as u8;
    DIGITS
        .chunks(2)
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}
