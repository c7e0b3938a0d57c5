/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bao-dm: a small device model on the user ABI of Bao's remote I/O.
 *
 * The I/O thread answers the frontend's register accesses one by one (main.c, mmio.c). Of a disk, a
 * worker serves the virtqueue (queue.c, blk.c). All that has to outlive the process is in struct
 * dm_state, which --state keeps in a file (state.c). Of a network card (net.c) and a socket device
 * (vsock.c), the backend's kernel serves the virtqueues by vhost (vhost.c).
 */
#ifndef BAO_DM_H
#define BAO_DM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include <linux/bao.h>

/*
 * The header of the first public driver series has the structures and the ioctls only. What is
 * missing there is defined here, so that this program builds against it as well.
 */
#ifndef BAO_IO_WRITE
#define BAO_IO_WRITE	0
#define BAO_IO_READ	1
#define BAO_IO_ASK	2
#endif
#ifndef BAO_IOEVENTFD_FLAG_DATAMATCH
#define BAO_IOEVENTFD_FLAG_DATAMATCH	0x2
#define BAO_IOEVENTFD_FLAG_DEASSIGN	0x4
#endif

#define MMIO_WINDOW_SIZE	0x200
#define QUEUE_MAX		128
#define MAX_QUEUES		3
#define SEG_MAX			(QUEUE_MAX - 2)
#define SECTOR_SIZE		512

/**
 * struct dm_queue - registers of a queue
 * @num: QueueNum
 * @ready: QueueReady
 * @desc: guest-physical address of the descriptor table
 * @driver: guest-physical address of the available ring
 * @device: guest-physical address of the used ring
 *
 * None of them but @ready changes while that is 1.
 */
struct dm_queue {
	uint32_t num;
	uint32_t ready;
	uint64_t desc;
	uint64_t driver;
	uint64_t device;
};

/**
 * struct dm_state - what a successor must know to go on where this process was killed
 * @magic: DM_STATE_MAGIC, written last
 * @dm_id: device model that the state is of
 * @window: frontend's guest-physical address of the register window
 * @device_features_sel: DeviceFeaturesSel register
 * @driver_features_sel: DriverFeaturesSel register
 * @driver_features: what the driver accepted
 * @queue_sel: QueueSel register
 * @status: Status register; the worker sets NEEDS_RESET in it, so it is accessed atomically
 * @interrupt_status: InterruptStatus register; accessed atomically, set by the worker
 * @queues: registers of the queues
 *
 * There is no ring position in here: see queue.c.
 */
struct dm_state {
	uint32_t magic;
	uint32_t dm_id;
	uint64_t window;
	uint32_t device_features_sel;
	uint32_t driver_features_sel;
	uint32_t driver_features[2];
	uint32_t queue_sel;
	uint32_t status;
	uint32_t interrupt_status;
	struct dm_queue queues[MAX_QUEUES];
};

#define DM_STATE_MAGIC	0x316d6442

struct dm;

/**
 * struct dm_model - a kind of device
 * @device_id: VIRTIO_ID_*
 * @nr_queues: how many it has
 * @nr_kicked: how many of them, the first ones, are kicked by ioeventfd; other kicks are ignored
 * @int_status: bits of InterruptStatus that are always set
 * @features: features that it offers, besides those of all devices
 * @config: fills in the configuration space
 * @start: Serve the queues that are ready, as of DRIVER_OK. Called again when one becomes ready.
 * @stop: When this returns, queues and buffers are the driver's.
 *
 * All are called by the I/O thread only.
 */
struct dm_model {
	uint32_t device_id;
	unsigned int nr_queues;
	unsigned int nr_kicked;
	uint32_t int_status;
	uint64_t (*features)(struct dm *dm);
	void (*config)(struct dm *dm, uint8_t *config, size_t size);
	void (*start)(struct dm *dm);
	void (*stop)(struct dm *dm);
};

/**
 * struct dm - the device model
 * @model: what it is
 * @fd: DM file descriptor
 * @irqfd: eventfd whose writes interrupt the frontend
 * @kickfds: eventfds that the driver's QueueNotify signals, one for each queue
 * @vhost: file descriptor of the backend's kernel that serves the queues
 * @tap: network interface behind a network card
 * @cid: frontend's address as a socket device
 * @image: file descriptor of the disk image
 * @read_only: the disk may not be written to
 * @sectors: capacity
 * @mem: the shared-memory window
 * @mem_addr: its guest-physical address
 * @mem_size: its size
 * @state: registers
 * @lock: held by the worker while it serves one request, and by the I/O thread to start and stop
 *	  the queue. After a stop, the worker touches neither ring nor buffers.
 * @running: the worker may serve the queue; under @lock. Or vhost serves the queues; I/O thread
 *	     only.
 * @last_avail: position in the available ring; under @lock
 * @kick_assigned: the ioeventfds are assigned; I/O thread only
 */
struct dm {
	const struct dm_model *model;
	int fd;
	int irqfd;
	int kickfds[MAX_QUEUES];
	int vhost;
	int tap;
	uint64_t cid;
	int image;
	bool read_only;
	uint64_t sectors;
	uint8_t *mem;
	uint64_t mem_addr;
	uint64_t mem_size;
	struct dm_state *state;
	pthread_mutex_t lock;
	bool running;
	uint16_t last_avail;
	bool kick_assigned;
};

/**
 * struct chain - one request's buffers, checked to lie inside the window
 * @head: index of the first descriptor
 * @nr_out: number of segments that the device reads
 * @nr_in: number of segments that the device writes
 * @out: segments that the device reads
 * @in: segments that the device writes
 */
struct chain {
	uint16_t head;
	unsigned int nr_out;
	unsigned int nr_in;
	struct iovec out[QUEUE_MAX];
	struct iovec in[QUEUE_MAX];
};

/* state.c */
struct dm_state *state_open(const char *path, uint32_t dm_id, uint64_t window);

/* mmio.c */
uint64_t mmio_read(struct dm *dm, uint64_t offset, uint64_t width);
void mmio_write(struct dm *dm, uint64_t offset, uint64_t width, uint64_t value);
void mmio_resume(struct dm *dm);

/* queue.c */
void *guest_memory(struct dm *dm, uint64_t addr, uint64_t len, uint64_t align);
bool queue_valid(struct dm *dm, unsigned int index);
void *queue_desc(struct dm *dm, unsigned int index);
void *queue_avail(struct dm *dm, unsigned int index);
void *queue_used(struct dm *dm, unsigned int index);
void queue_start(struct dm *dm);
void queue_stop(struct dm *dm);
void queue_kick(struct dm *dm, unsigned int index);
void queue_interrupt(struct dm *dm, uint32_t bit);
void *queue_worker(void *arg);

/* blk.c */
extern const struct dm_model blk_model;
bool blk_serve(struct dm *dm, struct chain *chain, uint32_t *written);

/* vhost.c */
void vhost_open(struct dm *dm, const char *path);
void vhost_call(struct dm *dm, unsigned long request, void *arg, const char *what);
uint64_t vhost_features(struct dm *dm);
bool vhost_set_up(struct dm *dm);
void vhost_tear_down(struct dm *dm);

/* net.c */
extern const struct dm_model net_model;
void net_open(struct dm *dm, const char *name);

/* vsock.c */
extern const struct dm_model vsock_model;
void vsock_open(struct dm *dm);

#endif /* BAO_DM_H */
