// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>

#include "prng.h"
#include "virtio_card.h"

const __u8 card_mac[ETH_ALEN] = { 0x02, 0xba, 0x00, 0x00, 0x00, 0x01 };
const __u8 host_mac[ETH_ALEN] = { 0x02, 0xba, 0x00, 0x00, 0x00, 0x02 };

/* Life */

static int set_mac(struct virtio *v, const char *attr, const __u8 *mac, unsigned int dm)
{
	return virtio_set(v, attr, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
			  mac[4] + dm, mac[5]);
}

int card_make(struct card *c, unsigned int dm, const char *name)
{
	int ret;

	*c = (struct card){ .socket = -1 };
	snprintf(c->ifname, sizeof(c->ifname), "net-%s", name);
	ret = virtio_make(&c->v, dm, "net", name);
	ret = ret ?: virtio_set(&c->v, "ifname", "%s", c->ifname);
	/* A device's addresses differ from those of others in the last byte but one */
	ret = ret ?: set_mac(&c->v, "mac", card_mac, dm);
	ret = ret ?: set_mac(&c->v, "host_mac", host_mac, dm);
	if (ret)
		return ret;
	c->tx_hdr = window_alloc(c->v.window, CARD_HDR, 16);
	c->tx_data = window_alloc(c->v.window, CARD_MAX_FRAME, 16);
	return c->tx_hdr && c->tx_data ? 0 : -ENOMEM;
}

/* Nobody but the test is to send anything */
static void silence(struct card *c)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", c->ifname);
	write_file(path, "1");
}

static int open_socket(struct card *c)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(c->ifname),
	};
	int one = 1, room = 8 << 20;

	c->socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->socket < 0)
		return -errno;
	/* Whoever loses or refuses a frame, it is not this socket */
	if (setsockopt(c->socket, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(c->socket, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(c->socket, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) ||
	    setsockopt(c->socket, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    bind(c->socket, (struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	return 0;
}

int card_go_live(struct card *c)
{
	int ret = virtio_set_live(&c->v, true);

	if (ret)
		return ret;
	silence(c);
	if (c->socket >= 0)
		close(c->socket);
	/* The socket says what has become of the device since it was bound */
	ret = host_set_up(c, true);
	return ret ?: open_socket(c);
}

/* The stack sends from when it has seen the carrier, which is while it holds a lock of ethtool's */
static bool is_connected(struct card *c)
{
	char path[64], state[16] = "";
	FILE *file;
	__u32 link;

	snprintf(path, sizeof(path), "/sys/class/net/%s/operstate", c->ifname);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fscanf(file, "%15s", state) != 1)
		state[0] = 0;
	fclose(file);
	return !strcmp(state, "up") && !host_ethtool(c, ETHTOOL_GLINK, &link) && link;
}

int card_start(struct card *c, __u64 features, unsigned int pairs, unsigned int size)
{
	unsigned int queues = 2 * pairs + !!(features & FEATURE(VIRTIO_NET_F_CTRL_VQ));
	int ret = virtio_start(&c->v, features, queues, size);

	if (ret)
		return ret;
	c->size = size;
	return wait_until(is_connected(c)) ? 0 : -ETIMEDOUT;
}

struct vqueue *card_rx(struct card *c, unsigned int pair)
{
	return &c->v.queue[2 * pair];
}

struct vqueue *card_tx(struct card *c, unsigned int pair)
{
	return &c->v.queue[2 * pair + 1];
}

/* The frontend */

int card_send(struct card *c, unsigned int pair, const struct virtio_net_hdr *hdr,
	      const struct frame *f)
{
	struct vsegment segments[] = { { c->tx_hdr, CARD_HDR }, { c->tx_data, f->len } };
	struct vqueue *q = card_tx(c, pair);
	int ret;

	memset(c->tx_hdr, 0, CARD_HDR);
	if (hdr)
		memcpy(c->tx_hdr, hdr, sizeof(*hdr));
	memcpy(c->tx_data, f->data, f->len);
	ret = vq_add(q, segments, f->len ? 2 : 1, 0);
	if (ret < 0)
		return ret;
	vq_submit(q);
	ret = vq_wait(q, NULL);
	return ret < 0 ? ret : 0;
}

static int give(struct card *c, unsigned int pair, struct vsegment segment)
{
	int id = vq_add(card_rx(c, pair), &segment, 0, 1);

	if (id < 0)
		return id;
	c->room[pair][id] = segment;
	return 0;
}

int card_give(struct card *c, unsigned int pair, unsigned int count, __u32 size)
{
	struct vsegment segment = { .len = size };
	int ret = 0;

	while (!ret && count--) {
		segment.data = window_alloc(c->v.window, size, 16);
		ret = segment.data ? give(c, pair, segment) : -ENOMEM;
	}
	vq_submit(card_rx(c, pair));
	return ret;
}

int card_receive(struct card *c, unsigned int pair, struct virtio_net_hdr_mrg_rxbuf *hdr,
		 struct frame *f)
{
	struct vsegment got[MAX_SIZE];
	struct vqueue *q = card_rx(c, pair);
	unsigned int i, count = 1, skip = CARD_HDR;
	int id, ret = 0;
	__u32 len;

	f->len = 0;
	for (i = 0; i < count; i++, skip = 0) {
		/* All buffers of a frame are used at once */
		id = i ? vq_collect(q, &len) : vq_wait(q, &len);
		if (id < 0)
			return i && id == -EAGAIN ? -EPROTO : id;
		got[i] = c->room[pair][id];
		if (len < skip || f->len + len - skip > sizeof(f->data))
			return -EPROTO;
		if (!i) {
			memcpy(hdr, got[i].data, CARD_HDR);
			count = le16toh(hdr->num_buffers);
		}
		if (!count || count > c->size)
			return -EPROTO;
		memcpy(f->data + f->len, (char *)got[i].data + skip, len - skip);
		f->len += len - skip;
	}
	for (i = 0; !ret && i < count; i++)
		ret = give(c, pair, got[i]);
	vq_submit(q);
	return ret ?: count;
}

static const char *compare(const struct frame *f, const struct frame *wanted)
{
	if (f->len != wanted->len)
		return "a frame has another length";
	return frame_equal(f, wanted) ? NULL : "a frame has another content";
}

const char *card_gets(struct card *c, unsigned int pair, const struct frame *wanted)
{
	static struct frame f;
	struct virtio_net_hdr_mrg_rxbuf hdr;

	if (card_receive(c, pair, &hdr, &f) < 0)
		return "the frontend gets no frame";
	return compare(&f, wanted);
}

/* This system */

int host_send(struct card *c, const struct virtio_net_hdr *hdr, const struct frame *f)
{
	static const struct virtio_net_hdr none;
	struct iovec iov[] = {
		{ (void *)(hdr ?: &none), sizeof(*hdr) },
		{ (void *)f->data, f->len },
	};

	return writev(c->socket, iov, 2) < 0 ? -errno : 0;
}

int host_receive(struct card *c, struct virtio_net_hdr *hdr, struct frame *f)
{
	struct iovec iov[] = { { hdr, sizeof(*hdr) }, { f->data, sizeof(f->data) } };
	struct pollfd pfd = { .fd = c->socket, .events = POLLIN };
	ssize_t len;

	if (poll(&pfd, 1, TIME_LIMIT_MS) != 1)
		return -ETIMEDOUT;
	len = readv(c->socket, iov, 2);
	if (len < (ssize_t)sizeof(*hdr))
		return len < 0 ? -errno : -EPROTO;
	f->len = len - sizeof(*hdr);
	return 0;
}

const char *host_gets(struct card *c, const struct frame *wanted)
{
	static struct frame f;
	struct virtio_net_hdr hdr;

	if (host_receive(c, &hdr, &f))
		return "the network device gets no frame";
	return compare(&f, wanted);
}

int host_ioctl(struct card *c, unsigned long command, struct ifreq *ifr)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret;

	if (fd < 0)
		return -errno;
	memcpy(ifr->ifr_name, c->ifname, sizeof(ifr->ifr_name));
	ret = do_ioctl(fd, command, ifr);
	close(fd);
	return ret;
}

int host_set_up(struct card *c, bool up)
{
	struct ifreq ifr = { .ifr_flags = up ? IFF_UP : 0 };

	return host_ioctl(c, SIOCSIFFLAGS, &ifr);
}

int host_ethtool(struct card *c, __u32 command, __u32 *value)
{
	struct ethtool_value args = { .cmd = command };
	struct ifreq ifr = { .ifr_data = (void *)&args };
	int ret = host_ioctl(c, SIOCETHTOOL, &ifr);

	*value = args.data;
	return ret;
}

bool host_exists(struct card *c)
{
	return if_nametoindex(c->ifname);
}

long long host_number(struct card *c, const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", c->ifname, name);
	return read_number(path);
}

int host_carrier(struct card *c)
{
	return host_number(c, "carrier");
}

long long host_statistic(struct card *c, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "statistics/%s", name);
	return host_number(c, path);
}

/* Frames */

void frame_fill(struct frame *f, const __u8 *to, const __u8 *from, unsigned int len, __u64 seed)
{
	struct prng prng = { .state = seed };
	__u16 type = htons(CARD_PROTOCOL);
	unsigned int i;

	f->len = len;
	for (i = ETH_HLEN; i < len; i++)
		f->data[i] = prng_next(&prng);
	memcpy(f->data, to, ETH_ALEN);
	memcpy(f->data + ETH_ALEN, from, ETH_ALEN);
	memcpy(f->data + 2 * ETH_ALEN, &type, sizeof(type));
}

bool frame_equal(const struct frame *a, const struct frame *b)
{
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}
