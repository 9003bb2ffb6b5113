"""nginx as a Server, and certificates for it."""

import socket
import subprocess

_NGINX = """
pid {folder}/nginx.pid;
error_log stderr;
user root;
worker_processes 1;
events {{ }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {servers}
}}
"""


def accepts(node, address, port):
    """Whether somebody listens there, as seen on the node."""
    with node.namespace.entered():
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as one:
            one.settimeout(1)
            return one.connect_ex((address, port)) == 0


def nginx_files(folder, servers):
    return {"nginx.conf": _NGINX.format(folder=folder, servers=servers)}


def nginx(probing, servers, port, name="nginx"):
    """`servers`: the server {} blocks; `port`: one of those it listens on, of 127.0.0.1."""
    folder = probing.folder / name
    return probing.server(name, "/usr/sbin/nginx", "-c", folder / "nginx.conf", "-e", "stderr", "-g", "daemon off;",
                          files=nginx_files(folder, servers),
                          serves=lambda: accepts(probing.node, "127.0.0.1", port))


def origin(probing, port, name, text="ready\\n"):
    """A web server that has one page."""
    return nginx(probing, f'server {{ listen 127.0.0.1:{port}; default_type text/plain; '
                          f'location / {{ return 200 "{text}"; }} }}', port, name)


class Authority:
    """Signs certificates; its own is `self.certificate`."""

    def __init__(self, folder):
        self._folder = folder
        folder.mkdir(mode=0o755)
        self.certificate = folder / "ca.pem"
        self._openssl("req", "-x509", *self._key("ca"), "-subj", "/CN=authority of a test", "-days", "2",
                      "-out", self.certificate)

    def sign(self, name, days=2):
        """Returns (certificate, key) of a host; with days below zero it has expired."""
        request, certificate, key = (self._folder / f"{name}.{kind}" for kind in ("csr", "pem", "key"))
        self._openssl("req", "-new", *self._key(name), "-subj", f"/CN={name}",
                      "-addext", f"subjectAltName=DNS:{name}", "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._folder / "ca.key",
                      "-copy_extensions", "copy", "-days", str(days), "-out", certificate)
        return certificate, key

    def _key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", self._folder / f"{name}.key")

    @staticmethod
    def _openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
