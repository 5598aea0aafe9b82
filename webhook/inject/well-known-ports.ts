/**
 * Ports that are taken to carry no HTTP wherever nobody says otherwise, each with the reason why its
 * clients' own addresses matter.
 *
 * A port is listed if the software that it is known for has it as its default, never answers HTTP there,
 * and does something with the address of who connects, or speaks first. A port that people also give
 * to HTTP servers is not listed, because those would be neither traced nor routed on their way in:
 *
 * | not listed        | known for             | but also for                                    |
 * |-------------------|-----------------------|-------------------------------------------------|
 * | 4444              | Galera, state transfer| Selenium's hub                                  |
 * | 4567, 4568        | Galera, replication   | Sinatra, Spark, LocalStack                      |
 * | 7000, 9042        | Cassandra             | 7000: any web server; 9042: addresses are no matter |
 * | 9092              | Kafka                 | services that are numbered on from 9090         |
 * | 50000             | Db2                   | Jenkins                                         |
 */
export interface WellKnownPort {
  port: number
  software: string
  /** Values of a Service's `appProtocol` by which people say that a port speaks this. */
  appProtocols: readonly string[]
  /** Why the app has to see who connects. */
  why: string
}

/** Fifteen, which is what one `multiport` rule takes. */
export const WELL_KNOWN_PORTS: readonly WellKnownPort[] = [
  {
    port: 25,
    software: 'SMTP',
    appProtocols: ['smtp'],
    why: 'The server speaks first, and relays for the addresses that it trusts',
  },
  {
    port: 587,
    software: 'SMTP submission',
    appProtocols: ['submission'],
    why: 'As SMTP',
  },
  {
    port: 1433,
    software: 'SQL Server',
    appProtocols: ['ms-sql-s'],
    why: 'Logon triggers and audits go by client address',
  },
  {
    port: 1521,
    software: 'Oracle Database',
    appProtocols: [],
    why: 'The listener checks the addresses of its clients (valid node checking)',
  },
  {
    port: 2181,
    software: 'ZooKeeper',
    appProtocols: ['zookeeper'],
    why: 'Access lists may be by client address; commands such as `ruok` begin like a request line',
  },
  {
    port: 3306,
    software: 'MySQL, MariaDB',
    appProtocols: ['mysql'],
    why: 'The server speaks first; accounts are `user@host`, and a host with too many errors is blocked',
  },
  {
    port: 4222,
    software: 'NATS',
    appProtocols: ['nats'],
    why: 'The server speaks first, and tells the client its address',
  },
  {
    port: 5432,
    software: 'PostgreSQL',
    appProtocols: ['postgresql', 'postgres'],
    why: '`pg_hba.conf` decides by client address',
  },
  {
    port: 5672,
    software: 'AMQP (RabbitMQ)',
    appProtocols: ['amqp'],
    why: 'Users may be bound to addresses, `guest` is to loopback',
  },
  {
    port: 6379,
    software: 'Redis',
    appProtocols: ['redis'],
    why: 'A primary takes the address of each replica from its connection',
  },
  {
    port: 9300,
    software: 'Elasticsearch, OpenSearch (transport)',
    appProtocols: [],
    why: 'IP filters decide by client address',
  },
  {
    port: 11211,
    software: 'memcached',
    appProtocols: ['memcache', 'memcached'],
    why: 'Its commands begin like request lines',
  },
  {
    port: 16379,
    software: 'Redis Cluster (bus)',
    appProtocols: [],
    why: 'Nodes take the addresses of others from their connections',
  },
  {
    port: 26379,
    software: 'Redis Sentinel',
    appProtocols: [],
    why: 'As Redis',
  },
  {
    port: 27017,
    software: 'MongoDB',
    appProtocols: ['mongodb', 'mongo'],
    why: 'Authentication may be restricted by client address, and is lifted for loopback at first',
  },
]
