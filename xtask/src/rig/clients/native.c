/* An OpenSSL client with habits that others lack. It makes ten requests on one connection and prints its
 * own and its peer's address.
 *
 * native PORT SNI AUTHORITY peek:  looks at every answer with SSL_peek before it reads it
 * native PORT SNI AUTHORITY retry: writes 4 MB a request through a small, non-blocking socket, so that most
 *                                  calls of SSL_write have to be made again
 * native PORT SNI AUTHORITY blocks: writes 4 MB a request with a cipher of TLS 1.2 that encrypts eight records at
 *                                  once, which OpenSSL does on a way of its own
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Eight records at once carry 512 bytes less each than they could (ssl3_write_bytes). */
enum { REQUESTS = 10, BODY = 4 << 20, BLOCK = 8 * ((16 << 10) - 512), BLOCKS = 33 };

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static int dial(int port, int size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    if (size > 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail("cannot connect");
    return fd;
}

/* Waits for what the library asks for; anything else is an error. */
static void wait_for(SSL *ssl, int fd, int result)
{
    struct pollfd poll_fd = {.fd = fd};
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
        poll_fd.events = POLLIN;
        break;
    case SSL_ERROR_WANT_WRITE:
        poll_fd.events = POLLOUT;
        break;
    default:
        fail("the connection broke");
    }
    poll(&poll_fd, 1, 20000);
}

static void write_all(SSL *ssl, int fd, const char *data, int length)
{
    for (;;) {
        int written = SSL_write(ssl, data, length);
        if (written == length)
            return;
        wait_for(ssl, fd, written);
    }
}

static void read_answer(SSL *ssl, int fd, int peek)
{
    char buffer[4096];
    int length = 0;
    for (;;) {
        int got;
        if (peek) {
            char preview[256];
            got = SSL_peek(ssl, preview, sizeof preview);
            if (got > 0)
                SSL_peek(ssl, preview, 1);
        }
        got = SSL_read(ssl, buffer + length, (int)sizeof buffer - 1 - length);
        if (got <= 0) {
            wait_for(ssl, fd, got);
            continue;
        }
        length += got;
        buffer[length] = 0;
        if (strstr(buffer, "\r\n\r\nok\n"))
            return;
    }
}

static void print_addresses(int fd)
{
    struct sockaddr_in local, peer;
    socklen_t size = sizeof local;
    getsockname(fd, (struct sockaddr *)&local, &size);
    size = sizeof peer;
    getpeername(fd, (struct sockaddr *)&peer, &size);
    printf("127.0.0.1:%d 127.0.0.1:%d\n", ntohs(local.sin_port), ntohs(peer.sin_port));
}

int main(int argc, char **argv)
{
    if (argc != 5)
        fail("arguments: PORT SNI AUTHORITY peek|retry|blocks");
    int peek = strcmp(argv[4], "peek") == 0;
    int blocks = strcmp(argv[4], "blocks") == 0;
    int body = peek ? 0 : BODY;
    char *request = malloc(BODY + 1024);
    const char *format = "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n";
    if (blocks)
        body = BLOCKS * BLOCK - snprintf(NULL, 0, format, argv[3], BODY);
    int head = sprintf(request, format, argv[3], body);
    memset(request + head, 'b', body);

    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (blocks) {
        SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
        SSL_CTX_set_options(context, SSL_OP_NO_ENCRYPT_THEN_MAC);
        SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA");
    }
    SSL *ssl = SSL_new(context);
    int fd = dial(atoi(argv[1]), blocks ? 0 : 8192);
    SSL_set_fd(ssl, fd);
    SSL_set_tlsext_host_name(ssl, argv[2]);
    if (SSL_connect(ssl) != 1)
        fail("no handshake");
    if (!blocks)
        fcntl(fd, F_SETFL, O_NONBLOCK);
    for (int number = 0; number < REQUESTS; number++) {
        write_all(ssl, fd, request, head + body);
        read_answer(ssl, fd, peek);
    }
    print_addresses(fd);
    SSL_shutdown(ssl);
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    free(request);
    return 0;
}
