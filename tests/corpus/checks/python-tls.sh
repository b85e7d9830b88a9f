# A server and a client in one process: trusted by the authorities that the wrapper names, not by others.
python3 - <<'END'
import os, socket, ssl, threading

folder = os.environ["LOCALHOST_TLS"]
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")
listening = socket.create_server(("127.0.0.1", 0))

def serve():
    while True:
        try:
            server.wrap_socket(listening.accept()[0], server_side=True).sendall(b"hello")
        except OSError:
            pass

def says(context):
    with socket.create_connection(listening.getsockname()) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                return "trusted" if connection.recv(9) == b"hello" else "mute"
        except ssl.SSLCertVerificationError as e:
            return "not trusted" if e.verify_code == 20 else str(e)

threading.Thread(target=serve, daemon=True).start()
print(says(ssl.create_default_context()))
print(says(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)))
print("the authorities:", ssl.create_default_context().cert_store_stats()["x509_ca"])
END
