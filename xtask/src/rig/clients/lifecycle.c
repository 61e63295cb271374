/* Both ends of TLS connections that begin, end and go on in unusual ways.
 *
 * lifecycle A.CRT A.KEY B.CRT B.KEY CONNECTION...
 *
 * The parent is the client, the child the server, which presents the second certificate to who asks for its name,
 * and the first to everybody else. Connections are made one after the other, each as its argument says, a list with
 * commas of
 *   sni=NAME          the name to dial with; without: none
 *   host=NAME         the authority to ask for
 *   requests=NUMBER   how often
 *   tls=1.2           the highest version
 *   resume            offers the session of the connection before
 *   clear             uses the objects of the connection before, after SSL_clear
 *   keep              frees the object of the connection before only after this one, its descriptor is closed
 *   port              comes from the port of the connection before
 *   renegotiate=client|abbreviated|server   after half of the requests
 *   renamed=NAME      the name in the client's renegotiation
 *   groups=LIST       the server's groups
 *   certificate       the client presents the first certificate
 *   early=accepted|rejected|answered   the first request is early data; answered: before the handshake is over
 *   dup=before|during uses a copy of an object; copies and frees it after half of the requests
 *   up                gives the object a second owner, who leaves after half of the requests
 *
 * The client prints one line of JSON for each request.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT = 64, BUFFER = 4096, TIMEOUT = 900 };

struct connection {
    char sni[TEXT], host[TEXT], renegotiate[TEXT], renamed[TEXT], groups[TEXT], early[TEXT], dup[TEXT], tls[TEXT];
    int requests, resume, clear, keep, port, certificate, up;
};

static const char *who;
static char **files;
static SSL_CTX *contexts[2];
static const struct connection *current;

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", who, what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void option(struct connection *connection, const char *name, const char *value)
{
    struct { const char *name; char *text; } texts[] = {
        {"sni", connection->sni}, {"host", connection->host}, {"renegotiate", connection->renegotiate},
        {"renamed", connection->renamed}, {"groups", connection->groups}, {"early", connection->early},
        {"dup", connection->dup}, {"tls", connection->tls},
    };
    struct { const char *name; int *number; } numbers[] = {
        {"requests", &connection->requests}, {"resume", &connection->resume}, {"clear", &connection->clear},
        {"keep", &connection->keep}, {"port", &connection->port}, {"certificate", &connection->certificate},
        {"up", &connection->up},
    };
    for (size_t index = 0; index < sizeof texts / sizeof *texts; index++)
        if (strcmp(name, texts[index].name) == 0) {
            snprintf(texts[index].text, TEXT, "%s", value);
            return;
        }
    for (size_t index = 0; index < sizeof numbers / sizeof *numbers; index++)
        if (strcmp(name, numbers[index].name) == 0) {
            *numbers[index].number = *value ? atoi(value) : 1;
            return;
        }
    fail(name);
}

static struct connection parse(const char *argument)
{
    struct connection connection = {.requests = 1};
    char copy[1024], *rest = copy, *word;
    snprintf(copy, sizeof copy, "%s", argument);
    while ((word = strsep(&rest, ",")) != NULL) {
        char *value = strchr(word, '=');
        if (value != NULL)
            *value++ = 0;
        option(&connection, word, value != NULL ? value : "");
    }
    return connection;
}

static void use_certificate(SSL_CTX *context, int which)
{
    if (SSL_CTX_use_certificate_file(context, files[2 * which], SSL_FILETYPE_PEM) != 1
        || SSL_CTX_use_PrivateKey_file(context, files[2 * which + 1], SSL_FILETYPE_PEM) != 1)
        fail("cannot use a certificate");
}

static int answer_name(SSL *ssl, int *alert, void *argument)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert, (void)argument;
    /* An object that is used again has the context of before. */
    SSL_set_SSL_CTX(ssl, contexts[name != NULL && strncmp(name, "b.", 2) == 0]);
    return SSL_TLSEXT_ERR_OK;
}

static int allow_early(SSL *ssl, void *argument)
{
    (void)ssl, (void)argument;
    return strcmp(current->early, "rejected") != 0;
}

static int accept_any(int valid, X509_STORE_CTX *store)
{
    (void)valid, (void)store;
    return 1;
}

static int head_is_whole(char *buffer, size_t length)
{
    buffer[length] = 0;
    return strstr(buffer, "\r\n\r\n") != NULL;
}

static int half(const struct connection *connection, int number)
{
    return number == connection->requests / 2;
}

/* The server. */

static void answer(SSL *ssl, int early)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
    size_t written;
    int done = early ? SSL_write_early_data(ssl, text, sizeof text - 1, &written)
                     : SSL_write_ex(ssl, text, sizeof text - 1, &written);
    if (done != 1)
        fail("cannot answer");
}

/* Reads early data until there is no more; whether it was a request. */
static int read_early(SSL *ssl, int answered)
{
    char buffer[BUFFER];
    size_t length = 0, got;
    int state, whole = 0;
    do {
        state = SSL_read_early_data(ssl, buffer + length, BUFFER - 1 - length, &got);
        if (state == SSL_READ_EARLY_DATA_ERROR)
            fail("cannot read early data");
        length += got;
        if (!whole && head_is_whole(buffer, length)) {
            whole = 1;
            if (answered)
                answer(ssl, 1);
        }
    } while (state != SSL_READ_EARLY_DATA_FINISH);
    return whole;
}

static void serve(const struct connection *connection, SSL *ssl)
{
    char buffer[BUFFER];
    size_t length = 0, got;
    int number = 0, answered = strcmp(connection->early, "answered") == 0;
    int early = connection->early[0] && read_early(ssl, answered);
    if (SSL_accept(ssl) != 1)
        fail("no handshake");
    if (early) {
        if (!answered)
            answer(ssl, 0);
        number++;
    }
    while (SSL_read_ex(ssl, buffer + length, BUFFER - 1 - length, &got)) {
        length += got;
        if (!head_is_whole(buffer, length))
            continue;
        answer(ssl, 0);
        length = 0;
        if (half(connection, ++number) && strcmp(connection->renegotiate, "server") == 0
            && (SSL_renegotiate(ssl) != 1 || SSL_do_handshake(ssl) != 1))
            fail("cannot ask for a renegotiation");
    }
    if (number != connection->requests)
        fail("requests are missing");
    SSL_shutdown(ssl);
}

static int server(int listener, const struct connection *connections, int count)
{
    SSL *ssl = NULL;
    for (int index = 0; index < 2; index++) {
        SSL_CTX *context = contexts[index] = SSL_CTX_new(TLS_server_method());
        use_certificate(context, index);
        SSL_CTX_set_options(context, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
        SSL_CTX_set_tlsext_servername_callback(context, answer_name);
        SSL_CTX_set_max_early_data(context, 16384);
        SSL_CTX_set_allow_early_data_cb(context, allow_early, NULL);
        SSL_CTX_set_session_id_context(context, (const unsigned char *)"lifecycle", 9);
    }
    for (current = connections; current < connections + count; current++) {
        int fd = accept(listener, NULL, NULL);
        if (ssl != NULL && current->clear) {
            SSL_clear(ssl);
        } else {
            SSL_free(ssl);
            ssl = SSL_new(contexts[0]);
        }
        SSL_set_fd(ssl, fd);
        if (current->groups[0])
            SSL_set1_groups_list(ssl, current->groups);
        if (current->certificate)
            SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any);
        serve(current, ssl);
        close(fd);
    }
    SSL_free(ssl);
    return 0;
}

/* The client. */

static int dial(const struct sockaddr_in *server, int from)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(from)};
    struct linger linger = {.l_onoff = 1};
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    inet_pton(AF_INET, "127.0.0.1", &local.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    /* Nothing lingers at the port, so that it can be used again at once. */
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    if (from != 0 && bind(fd, (struct sockaddr *)&local, sizeof local) != 0)
        fail("cannot use the port again");
    if (connect(fd, (const struct sockaddr *)server, sizeof *server) != 0)
        fail("cannot connect");
    return fd;
}

static int port_of(int fd)
{
    struct sockaddr_in local;
    socklen_t size = sizeof local;
    getsockname(fd, (struct sockaddr *)&local, &size);
    return ntohs(local.sin_port);
}

/* Sends the first request as early data, and again if the server did not take it; whether it did. */
static int ask_early(SSL *ssl, const char *request)
{
    size_t written;
    if (SSL_write_early_data(ssl, request, strlen(request), &written) != 1)
        fail("cannot write early data");
    if (SSL_connect(ssl) != 1)
        fail("no handshake");
    if (SSL_get_early_data_status(ssl) == SSL_EARLY_DATA_ACCEPTED)
        return 1;
    SSL_write_ex(ssl, request, strlen(request), &written);
    return 0;
}

static void print(SSL *ssl, const struct connection *connection, int index, int number, int lost, int client,
                  int peer, int child)
{
    char name[TEXT] = "";
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    /* What was sent; SSL_get_servername gives what an earlier connection sent, if its session is resumed. */
    int renamed = connection->renamed[0] && number > connection->requests / 2;
    const char *sni = renamed ? connection->renamed : connection->sni;
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
    printf("{\"connection\":%d,\"number\":%d,\"lost\":%s,\"resumed\":%s,\"sni\":", index, number,
           lost ? "true" : "false", SSL_session_reused(ssl) ? "true" : "false");
    if (*sni)
        printf("\"%s\"", sni);
    else
        printf("null");
    printf(",\"authority\":\"%s\",\"certificate\":\"%s\",\"client\":%d,\"server\":%d,\"pids\":[%d,%d]}\n",
           connection->host, name, client, peer, getpid(), child);
}

static void visit(const struct connection *connection, int index, SSL **object, int port, int peer, int child)
{
    SSL *ssl = *object;
    char request[BUFFER], buffer[BUFFER];
    size_t length, got;
    int early = connection->early[0] != 0, sent = 0;
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", connection->host);
    if (early) {
        sent = 1;
        if (!ask_early(ssl, request))
            print(ssl, connection, index, 1, 1, port, peer, child);
    } else if (SSL_connect(ssl) != 1) {
        fail("no handshake");
    }
    for (int number = 1; number <= connection->requests; number++) {
        if (!sent && !SSL_write_ex(ssl, request, strlen(request), &got))
            fail("cannot ask");
        for (sent = 0, length = 0; !(length > 3 && memcmp(buffer + length - 3, "ok\n", 3) == 0); length += got)
            if (!SSL_read_ex(ssl, buffer + length, BUFFER - length, &got))
                fail("no answer");
        print(ssl, connection, index, number, 0, port, peer, child);
        if (!half(connection, number))
            continue;
        if (connection->renamed[0])
            SSL_set_tlsext_host_name(ssl, connection->renamed);
        if (strcmp(connection->renegotiate, "client") == 0 && SSL_renegotiate(ssl) != 1)
            fail("cannot renegotiate");
        if (strcmp(connection->renegotiate, "abbreviated") == 0 && SSL_renegotiate_abbreviated(ssl) != 1)
            fail("cannot renegotiate");
        if (connection->renegotiate[0] && strcmp(connection->renegotiate, "server") != 0
            && SSL_do_handshake(ssl) != 1)
            fail("the renegotiation failed");
        if (strcmp(connection->dup, "during") == 0)
            SSL_free(SSL_dup(ssl));
        if (connection->up)
            SSL_free(ssl);
    }
    SSL_shutdown(ssl);
    /* Until the server has closed its end. */
    while (SSL_read_ex(ssl, buffer, sizeof buffer, &got))
        continue;
    while (read(SSL_get_fd(ssl), buffer, sizeof buffer) > 0)
        continue;
}

static int client(const struct sockaddr_in *address, const struct connection *connections, int count, int child)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_SESSION *session = NULL;
    SSL *ssl = NULL, *kept = NULL;
    int port = 0;
    for (int index = 0; index < count; index++) {
        const struct connection *connection = &connections[index];
        int fd = dial(address, connection->port ? port : 0);
        port = port_of(fd);
        if (connection->keep)
            kept = ssl, ssl = NULL;
        if (ssl != NULL && connection->clear) {
            SSL_clear(ssl);
            SSL_set_session(ssl, NULL);
        } else {
            SSL_free(ssl);
            ssl = SSL_new(context);
        }
        if (strcmp(connection->dup, "before") == 0) {
            SSL *copy = SSL_dup(ssl);
            SSL_free(ssl);
            ssl = copy;
        }
        if (connection->up)
            SSL_up_ref(ssl);
        if (strcmp(connection->tls, "1.2") == 0)
            SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
        if (connection->resume)
            SSL_set_session(ssl, session);
        if (connection->certificate) {
            SSL_use_certificate_file(ssl, files[0], SSL_FILETYPE_PEM);
            SSL_use_PrivateKey_file(ssl, files[1], SSL_FILETYPE_PEM);
        }
        SSL_set_fd(ssl, fd);
        if (connection->sni[0] || connection->clear)
            SSL_set_tlsext_host_name(ssl, connection->sni[0] ? (void *)connection->sni : NULL);
        visit(connection, index, &ssl, port, ntohs(address->sin_port), child);
        SSL_SESSION_free(session);
        session = SSL_get1_session(ssl);
        close(fd);
        SSL_free(kept);
        kept = NULL;
    }
    SSL_free(ssl);
    SSL_SESSION_free(session);
    SSL_CTX_free(context);
    return 0;
}

int main(int argc, char **argv)
{
    int count = argc - 5, listener = socket(AF_INET, SOCK_STREAM, 0), status;
    struct connection *connections = calloc(count > 0 ? count : 1, sizeof *connections);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    pid_t child;
    who = "start";
    if (count < 1)
        fail("arguments: A.CRT A.KEY B.CRT B.KEY CONNECTION...");
    files = argv + 1;
    for (int index = 0; index < count; index++)
        connections[index] = parse(argv[5 + index]);
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    bind(listener, (struct sockaddr *)&address, sizeof address);
    listen(listener, 8);
    getsockname(listener, (struct sockaddr *)&address, &size);
    child = fork();
    alarm(TIMEOUT);
    if (child == 0) {
        who = "server";
        return server(listener, connections, count);
    }
    close(listener);
    who = "client";
    client(&address, connections, count, child);
    fflush(stdout);
    waitpid(child, &status, 0);
    return status == 0 ? 0 : 1;
}
